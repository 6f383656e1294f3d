# bash completion for zaiond-ctl(1): /usr/share/bash-completion/completions/zaiond-ctl

_zaiond_ctl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local common="--config --runtime-dir --state-dir --spool-dir --json --version --help"
    local commands="test emit run status queue history spool problems jobs silence route"
    commands+=" check config setup reload web fleet"
    local event="--severity --subject --message --data --data-json --problem --ok --job --id"
    event+=" --source --time"
    local severities="emerg alert crit err warning notice info debug"
    local command="" word="" i
    COMPREPLY=()

    # The word after = in --option=VALUE stands alone.
    if [[ $cur == = ]]; then
        cur=""
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --config | --runtime-dir | --state-dir | --spool-dir) ((i++)) ;;
            -* | =) ;;
            *)
                if [[ -z $command ]]; then
                    command=${COMP_WORDS[i]}
                else
                    case $command in
                        queue | spool | config | silence | problems | web | fleet) word=${word:-${COMP_WORDS[i]}} ;;
                    esac
                fi
                ;;
        esac
    done

    case $prev in
        --config | --file | --from | --credentials)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames 2>/dev/null
            return
            ;;
        --runtime-dir | --state-dir | --spool-dir)
            mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            compopt -o filenames 2>/dev/null
            return
            ;;
        -s | --severity)
            mapfile -t COMPREPLY < <(compgen -W "$severities" -- "$cur")
            return
            ;;
        --subject | -m | --message | -d | --data | -D | --data-json | --problem | --ok | --job | \
            --id | --source | --time | --since | --type | --limit | --user | --drill | \
            --warning-exit | --timeout | --match | --for | --comment | --max-events | --replicas)
            return
            ;;
    esac

    local words=$common
    case "$command $word" in
        " ") words="$commands $common" ;;
        "test ") words="--file --verbose --drill $event $common" ;;
        "emit " | "route ") words="$event --from $common" ;;
        "run ") words="--job --warning-exit --timeout $common" ;;
        "queue " | "spool ") words="list retry delete $common" ;;
        "queue delete") words="--user --source $common" ;;
        "status ") words="--ack $common" ;;
        "history ") words="--since --type --source --failed --limit $common" ;;
        "problems ") words="close $common" ;;
        "problems close") words="--comment --user $common" ;;
        "silence ") words="add list expire $common" ;;
        "silence add") words="--match --for --comment $common" ;;
        "web ") words="password token list remove $common" ;;
        "web token") words="--metrics --emit $common" ;;
        "fleet ") words="init status forget $common" ;;
        "fleet init") words="--credentials --replicas --max-events $common" ;;
        "fleet status" | "fleet forget") words="--credentials $common" ;;
        "config ") words="show diff revert $common" ;;
        "config show") words="--origin $common" ;;
        "check ")
            if [[ $cur != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -f -- "$cur")
                compopt -o filenames 2>/dev/null
                return
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _zaiond_ctl zaiond-ctl
