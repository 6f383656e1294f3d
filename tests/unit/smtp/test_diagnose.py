"""What real servers say, and what is made of it: the diagnosis, the verdict, the advice.

A row is a stage, a reply, its verdict; they stand below their diagnosis and what the advice names.
"""

import pytest

from tests.unit.smtp.test_verdict import answered, words
from zaiond.selftest.advice import ADVICE, hint
from zaiond.smtp.diagnose import diagnose
from zaiond.smtp.diagnosis import Diagnosis, heard
from zaiond.smtp.failure import Failure, Stage
from zaiond.smtp.syntax import Reply
from zaiond.smtp.verdict import judge

QUEUE = "held server"
ADDRESS = "held recipient"
MAIL = "held message"
LATER = "deferred server"

Rows = list[tuple[str, str, str]]
REPLIES: dict[tuple[Diagnosis, str], Rows] = {
    (Diagnosis.OAUTH_WANTED, "xoauth2"): [
        ("auth", "535 5.7.139 Unsuccessful, basic authentication is disabled", QUEUE),
        ("auth", "550 5.7.30 Basic authentication is not supported for Client Submission.", QUEUE),
        ("mail", "550 5.7.30 Basic authentication is not supported for Client Submission.", QUEUE),
        ("content", "550 5.7.30 Not supported", QUEUE),
    ],
    (Diagnosis.SMTP_AUTH_DISABLED, "Authenticated SMTP"): [
        (
            "auth",
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
            "Tenant. Visit https://aka.ms/smtp_auth_disabled for more information.",
            QUEUE,
        ),
    ],
    (Diagnosis.APP_PASSWORD_WANTED, "app password"): [
        (
            "auth",
            "534 5.7.9 Application-specific password required. For more information, go to "
            "https://support.google.com/mail/?p=InvalidSecondFactor d9443c01a7336 - gsmtp",
            QUEUE,
        ),
    ],
    (Diagnosis.BROWSER_WANTED, "web browser"): [
        ("auth", "534 5.7.14 Please log in via your web browser and then try again.", QUEUE),
    ],
    (Diagnosis.TOO_MANY_LOGINS, "max_connections"): [
        ("auth", "454 4.7.0 Too many login attempts, please try again later.", LATER + " wait"),
        ("auth", "450 4.7.1 Error: too many AUTH commands from 192.0.2.1", LATER + " wait"),
        ("auth", "535 5.7.0 (#AUTH005) Too many bad auth attempts.", QUEUE),
        ("auth", "535 5.7.0 Too many login failures: account locked", QUEUE),
    ],
    (Diagnosis.ENCRYPTION_WANTED, "mail_server.security to starttls"): [
        ("auth", "538 5.7.11 Encryption required for requested authentication mechanism", QUEUE),
        ("auth", "530 5.7.0 Must issue a STARTTLS command first", QUEUE),
        ("mail", "530 5.7.0 Must issue a STARTTLS command first", QUEUE),
        ("mail", "530 5.7.0 Must issue a STARTTLS", QUEUE),
        ("mail", "451 5.7.3 STARTTLS is required to send mail", QUEUE),
        ("content", "451 5.7.3 STARTTLS is required to send mail [x.prod.outlook.com]", QUEUE),
        ("ehlo", "530 5.7.0 Must issue a STARTTLS command first", QUEUE),
        ("rcpt", "421 4.7.0 TLS required for RCPT domain, closing connection.", QUEUE),
        ("mail", "550 5.7.10 Encryption needed", QUEUE),
        ("mail", "554 5.7.1 Session encryption is required", QUEUE),
        ("mail", "454 4.7.0 TLS required, but temporarily unavailable", LATER),
    ],
    (Diagnosis.MECHANISM_REFUSED, "587 usually"): [
        ("auth", "504 5.7.4 Unrecognized authentication type", QUEUE),
        ("auth", "503 AUTH command used when not advertised", QUEUE),
        ("auth", "502 5.5.2 Error: command not recognized", QUEUE),
    ],
    (Diagnosis.PASSWORD_EXPIRED, "set the new one"): [
        ("auth", "432 4.7.12 A password transition is needed", QUEUE),
    ],
    (Diagnosis.ACCOUNT_DISABLED, "unlock the account"): [
        ("auth", "525 5.7.13 Account Disabled", QUEUE),
        ("auth", "535 5.7.139 Authentication unsuccessful, user is locked by your policy", QUEUE),
        ("content", "550 5.1.8 Access denied, bad outbound sender AS(42003)", QUEUE),
        ("rcpt", "550 This account has an outgoing mail suspension", QUEUE),
    ],
    (Diagnosis.LOGIN_REFUSED, "username and password"): [
        ("auth", "535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6", QUEUE),
        ("auth", "535 Incorrect authentication data", QUEUE),
        ("auth", "535 5.7.3 Authentication unsuccessful", QUEUE),
        ("auth", "550 x", QUEUE),
    ],
    (Diagnosis.LOGIN_NOT_CHECKED, "Try again"): [
        ("auth", "454 4.7.0 Temporary authentication failure: Connection lost", LATER),
        ("auth", "421 4.3.0 Shutting down", LATER),
    ],
    (Diagnosis.TOO_MANY_CONNECTIONS, "max_connections"): [
        ("greeting", "421 4.7.0 mail Error: too many connections from 192.0.2.1", LATER + " wait"),
        ("greeting", "421 Too many concurrent SMTP connections; try later", LATER + " wait"),
        ("greeting", "421 4.3.2 All server ports are busy", LATER + " wait"),
        ("mail", "432 4.3.2 Concurrent connections limit exceeded", LATER + " wait"),
        ("mail", "452 4.3.2 Connection rate limit exceeded.", LATER + " wait"),
        ("content", "432 4.3.2 STOREDRV; sender thread limit exceeded", LATER + " wait"),
        ("auth", "454 4.3.0 Too many connections", LATER + " wait"),
    ],
    (Diagnosis.LOGIN_WANTED, "mechanism of mail_server.auth to basic"): [
        ("mail", "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail", QUEUE),
        ("mail", "530 5.7.0 Authentication Required", QUEUE),
        ("rcpt", "530 5.7.0 Authentication required", QUEUE),
        ("mail", "503 5.5.4 Error: send AUTH command first", QUEUE),
        ("rcpt", "503 5.5.4 Error: send AUTH command first", QUEUE),
        ("rcpt", "550 5.7.1 Authentication required for relay", QUEUE),
        ("rcpt", "550 5.7.1 <a@b.jp>... Relaying denied. Proper authentication required.", QUEUE),
        ("rcpt", "553 5.7.1 <a@b.jp>: Sender address rejected: not logged in", QUEUE),
        ("rcpt", "550 Please turn on SMTP Authentication in your mail client.", QUEUE),
        ("rcpt", "550 smtp auth required", QUEUE),
        ("rcpt", "553 Authentication is required to send mail as <a@b.jp>", QUEUE),
        ("rcpt", "451 a@b.jp please authenticate before send", QUEUE),
        ("ehlo", "550 You must authenticate first", QUEUE),
        ("data", "530 Authentication required", QUEUE),
        ("content", "550 5.7.1 Please log in", QUEUE),
        ("rcpt", "550 SMTP認証が必要です", QUEUE),
        ("mail", "450 Authentication temporarily unavailable, try again later", LATER),
    ],
    (Diagnosis.POP_LOGIN_WANTED, "mail_server.pop_before_smtp to true"): [
        ("rcpt", "554 sorry, you must get POP/APOP authorization.", QUEUE),
        ("mail", "554 sorry, you must get POP/APOP authorization.", QUEUE),
        ("greeting", "554 sorry, you must get POP/APOP authorization.", QUEUE),
        ("content", "554 sorry, you must get POP/APOP authorization.", QUEUE),
        ("rcpt", "550 5.7.1 Please use POP before SMTP; log in first", QUEUE),
        ("rcpt", "450 4.7.1 Client host rejected: POP before SMTP", QUEUE),
        ("rcpt", "550 POP-before-SMTP required", QUEUE),
        ("rcpt", "553 5.3.0 <a@b.jp>... Please receive your mail before sending.", QUEUE),
        ("rcpt", "550 please check your mail first", QUEUE),
        ("rcpt", "553 To send mail, first check your mail with a valid POP account", QUEUE),
        ("rcpt", "550 sorry, you must first check your e-mail before you are allowed to", QUEUE),
        ("rcpt", "550 5.7.1 <a@b.jp>... Relaying Denied: Authenticate with POP first", QUEUE),
        ("rcpt", "550 you must login by POP", QUEUE),
        ("rcpt", "550 Must issue a POP3 login", QUEUE),
        (
            "rcpt",
            "550 x [192.0.2.1]:55882 is currently not permitted to relay through this server. "
            "Perhaps you have not logged into the pop/imap server in the last 30 minutes",
            QUEUE,
        ),
        ("rcpt", "550 メール受信後に送信してください", QUEUE),
        ("rcpt", "550 先にメールの受信を行ってください", QUEUE),
        ("rcpt", "553 送信する前にメールを受信してください", QUEUE),
        ("rcpt", "550 ＰＯＰ認証を行ってください", QUEUE),
        ("mail", "550 メールを受信してから送信してください", QUEUE),
        ("rcpt", "550 メールチェックをしてから送信してください", QUEUE),
    ],
    (Diagnosis.RELAYING_REFUSED, "log in by mail_server.auth"): [
        ("rcpt", "554 5.7.1 <a@b.jp>: Relay access denied", QUEUE),
        ("rcpt", "454 4.7.1 <a@b.jp>: Relay access denied", QUEUE),
        ("rcpt", "550 relay not permitted", QUEUE),
        ("rcpt", "550 Relay operation rejected", QUEUE),
        ("rcpt", "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain", QUEUE),
        ("rcpt", "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", QUEUE),
        ("rcpt", "550 5.7.1 <a@b.jp>... Relaying denied. IP name lookup failed [192.0.2.1]", QUEUE),
        ("rcpt", "554 5.7.1 <a@b.jp>: Recipient address rejected: Relay access denied", QUEUE),
        ("mail", "550 5.7.1 Mail relay denied [192.0.2.1]. Invalid credentials for relay", QUEUE),
        ("content", "554 5.7.1 Relaying denied", QUEUE),
        ("rcpt", "550 メールの中継は許可されていません", QUEUE),
        ("rcpt", "451 relaying temporarily denied", "deferred recipient"),
    ],
    (Diagnosis.NOT_ALLOWED_AS_SENDER, "account in username of mail_server.auth"): [
        ("content", "550 Header From: must match authenticated user", QUEUE),
        ("content", "553 Message From: address not allowed", QUEUE),
        ("content", "554 5.7.1 The sender address in From header is not allowed here", QUEUE),
        ("content", "550 5.7.0 From address is not one of your addresses", QUEUE),
        ("content", "554 Mail from address must be same as authorization user", QUEUE),
        ("content", "550 5.7.1 From header <z@x.jp> should be equal to the login", QUEUE),
        ("mail", "550 5.7.60 SMTP; Client does not have permissions to send as this sender", QUEUE),
        ("rcpt", "553 5.7.1 <a@b.jp>: Sender address rejected: not owned by user zaion", QUEUE),
        (
            "content",
            "554 5.2.252 SendAsDenied; z@b.jp not allowed to send as a@b.jp; STOREDRV.Submission",
            QUEUE,
        ),
        ("mail", "550 5.7.1 Sender not authorized", QUEUE),
        ("content", "550 The From header does not match the authenticated user", QUEUE),
        ("rcpt", "550 you are not allowed to send mail from this address", QUEUE),
    ],
    (Diagnosis.SENDER_UNVERIFIED, "Register and verify"): [
        (
            "content",
            "550 The from address does not match a verified Sender Identity. Mail cannot be sent "
            "until this error is resolved. Visit https://sendgrid.com/docs/",
            QUEUE,
        ),
        ("content", "554 Message rejected: Email address is not verified. In region X: a@b", QUEUE),
        ("content", "550 5.7.1 Unconfigured Sending Domain <b.jp>", QUEUE),
        ("content", "550 The 'From' address is not a Sender Signature on your account", QUEUE),
    ],
    (Diagnosis.SENDER_WITHOUT_DOMAIN, "with its domain after the @"): [
        (
            "rcpt",
            "504 5.5.2 <zaionnex>: Sender address rejected: need fully-qualified address",
            QUEUE,
        ),
        ("mail", "504 5.5.2 <zaionnex>: need fully-qualified address", QUEUE),
        ("mail", "501 5.1.7 Invalid address", QUEUE),
        ("mail", "553 5.1.7 Bad sender's mailbox address syntax", QUEUE),
        ("mail", "553 5.5.4 <zaionnex>... Domain name required for sender address zaionnex", QUEUE),
        (
            "content",
            "550 5.7.1 [192.0.2.1] Messages missing a valid address in From: header, or having no "
            "From: header, are not accepted. - gsmtp",
            QUEUE,
        ),
    ],
    (Diagnosis.SENDER_DOMAIN_UNKNOWN, "of a domain that exists"): [
        ("mail", "553 5.1.8 <a@b.jp>... Domain of sender address a@b.jp does not exist", QUEUE),
        ("rcpt", "553 5.1.8 <zaionnex@c>... Domain of sender address does not exist", QUEUE),
        ("mail", "550 5.1.8 Sender address rejected: Domain not found", QUEUE),
        ("rcpt", "450 4.1.8 Sender address rejected: Domain not found", "deferred recipient"),
        ("mail", "451 4.1.8 Domain of sender does not resolve", LATER),
        ("mail", "553 sorry, your envelope sender domain must exist (#5.1.8)", QUEUE),
        ("mail", "550 5.7.27 Sender address has null MX", QUEUE),
    ],
    (Diagnosis.SENDER_UNKNOWN, "Have an account made"): [
        (
            "rcpt",
            "550 5.1.0 <a@b.jp>: Sender address rejected: User unknown in local recipient table",
            QUEUE,
        ),
        ("rcpt", "550 Sender verify failed", QUEUE),
        ("mail", "550 unknown sender", QUEUE),
    ],
    (Diagnosis.SENDER_DOMAIN_POLICY, "SPF record"): [
        (
            "content",
            "550 5.7.26 This mail has been blocked because the sender is unauthenticated",
            QUEUE,
        ),
        (
            "content",
            "550 5.7.26 Unauthenticated email from b.jp is not accepted due to domain's DMARC",
            QUEUE,
        ),
        ("rcpt", "550 5.7.23 <a@b>: Recipient address rejected: Message rejected: SPF fail", QUEUE),
        ("content", "550 5.7.515 Access denied, sending domain b.jp", QUEUE),
        ("content", "550 5.7.1 This message fails to pass authentication checks.", QUEUE),
    ],
    (Diagnosis.SENDER_REFUSED, "to an address that exists"): [
        ("mail", "550 5.7.1 Not you", QUEUE),
        ("rcpt", "554 5.7.1 <a@b.jp>: Sender address rejected: Access denied", QUEUE),
        ("mail", "550 x", QUEUE),
        ("mail", "550 差出人のアドレスは拒否されました", QUEUE),
    ],
    (Diagnosis.SENDER_MAILBOX_FULL, "Make room in the mailbox of sender"): [
        ("mail", "552 5.2.2 Mailbox full", QUEUE),
    ],
    (Diagnosis.MACHINE_BLOCKED, "taken off the list"): [
        ("greeting", "554 5.7.1 Client host [192.0.2.1] blocked using zen.example", LATER),
        ("greeting", "554 5.7.1 You are on a block list", LATER),
        ("rcpt", "554 5.7.1 Client host [192.0.2.1] blocked using zen.spamhaus.org", QUEUE),
        ("mail", "550 5.7.606 Access denied, banned sending IP [192.0.2.1]", QUEUE),
        ("content", "550 5.7.708 Access denied, traffic not accepted from this IP", QUEUE),
        ("content", "421 4.7.0 very low reputation of the sending IP address", LATER),
        ("content", "550 5.7.1 low reputation. To best protect our users from spam, x", QUEUE),
        ("mail", "550 5.7.0 <a@b.jp>... Please use the smtp server of your ISP.", QUEUE),
    ],
    (Diagnosis.HELO_REFUSED, "mail_server.helo_name"): [
        ("ehlo", "501 Syntactically invalid EHLO argument(s)", LATER),
        ("ehlo", "550 5.7.1 Helo command rejected", LATER),
        ("rcpt", "504 5.5.2 <fs1>: Helo command rejected: need fully-qualified hostname", QUEUE),
        ("rcpt", "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)", QUEUE),
    ],
    (Diagnosis.NO_REVERSE_DNS, "reverse DNS"): [
        ("rcpt", "450 4.7.25 Client host rejected: cannot find your name", "deferred recipient"),
        ("content", "550 5.7.25 The IP address sending this message has no PTR record", QUEUE),
        ("mail", "554 5.7.1 Fix reverse DNS for 192.0.2.1", QUEUE),
    ],
    (Diagnosis.MACHINE_REFUSED, "allow this machine's IP address"): [
        ("greeting", "554 5.7.1 Go away", LATER),
        ("rcpt", "554 5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied", QUEUE),
        ("rcpt", "554 Host network not allowed", QUEUE),
    ],
    (Diagnosis.SERVER_BUSY, "Try again"): [
        ("greeting", "421 4.3.2 The server is shutting down", LATER),
        ("greeting", "421 relay1.example.jp Service not available", LATER),
        ("ehlo", "450 x", LATER),
    ],
    (Diagnosis.TLS_REFUSED, "certificate"): [
        ("starttls", "454 4.7.0 TLS not available", LATER),
        ("starttls", "554 5.7.1 No", LATER),
    ],
    (Diagnosis.SENDING_LIMIT, "mail_server.rate"): [
        ("mail", "550 - Stop, you are sending too fast!", LATER),
        ("content", "554 5.7.1 You have exceeded your allowed quota for sending", LATER),
        ("content", "554 5.2.0 Submission.Exception:SubmissionQuotaExceededException", LATER),
        ("rcpt", "550 5.7.1 User quota exceeded: too many recipients in 24 hours", LATER),
        ("rcpt", "550 5.7.1 [CSR] We detected an unusual amount of unsolicited email", LATER),
        ("mail", "550 5.4.5 Daily user sending limit exceeded.", LATER),
        ("rcpt", "550 5.4.5 Daily user sending limit exceeded.", LATER),
        ("content", "550 5.4.5 Daily user sending limit exceeded.", LATER),
        ("data", "550 5.4.5 x", LATER),
        ("mail", "552 5.2.2 Over quota", LATER),
        ("mail", "550 Sender over quota", LATER),
        ("rcpt", "550 5.7.1 <a@b>: Sender address rejected: quota exceeded", LATER),
        ("mail", "450 4.7.1 Error: too much mail from 192.0.2.1", LATER),
        ("mail", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail", LATER),
        ("content", "421 4.7.28 Gmail has detected", LATER),
        ("content", "550 5.1.90 You've reached your daily limit for message recipients", LATER),
        ("content", "550 5.2.2 Submission quota exceeded", LATER),
        ("content", "550 5.7.232 Your tenant has exceeded its daily limit for sending", LATER),
        ("rcpt", "450 4.2.1 Peak SMTP relay limit exceeded for customer", LATER),
        ("content", "454 Throttling failure: Maximum sending rate exceeded.", LATER),
        ("content", "550 Domain b.jp has exceeded the max emails per hour (250/200)", LATER),
        ("rcpt", "550 you have exceeded 100 messages per hour", LATER),
        ("rcpt", "452 Too many recipients received this hour", LATER),
        ("rcpt", "550 Sender rate overlimit - 18.1 / 1h", LATER),
        ("rcpt", "450 4.7.1 Policy Rejection: Sending quota exceeded", LATER),
        ("mail", "550 Too many mails in one day", LATER),
        ("content", "550 Connection frequency limited [Blocked IP 192.0.2.22].", LATER),
        ("rcpt", "550 送信数の制限を超えました", LATER),
    ],
    (Diagnosis.TOO_MANY_MAILS, "mail_server.rate"): [
        ("mail", "421 4.7.0 Too many messages on this connection", LATER),
        ("mail", "550 Too many mails per connection", LATER),
    ],
    (Diagnosis.TOO_MANY_RECIPIENTS, "one address of a mailing list"): [
        ("rcpt", "452 4.5.3 Error: too many recipients", "deferred recipient again"),
        ("rcpt", "552 Too many recipients", "deferred recipient again"),
        ("rcpt", "452 No more", "deferred recipient again"),
        ("rcpt", "550 5.5.3 Limit exceeded", "deferred recipient again"),
        ("rcpt", "554 Too many recipients specified", "deferred recipient again"),
        (
            "rcpt",
            "451 4.3.0 Multiple destination domains per transaction is unsupported.",
            "deferred recipient again",
        ),
    ],
    (Diagnosis.GREYLISTED, "greylisting"): [
        ("rcpt", "450 4.2.0 <a@b>: Recipient address rejected: Greylisted", "deferred recipient"),
        ("rcpt", "451 4.7.1 Greylisting in action, come back in 00:05:00", "deferred recipient"),
        ("content", "451 4.7.1 Greylisted", "deferred message"),
        ("mail", "451 4.7.1 Greylisted", LATER),
    ],
    (Diagnosis.RECIPIENT_BUSY, "sent again by themselves"): [
        (
            "rcpt",
            "450 4.2.1 The user you are trying to contact is receiving mail too quickly.",
            "deferred recipient",
        ),
        (
            "content",
            "432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded",
            "deferred message",
        ),
        ("rcpt", "550 5.2.1 The user is receiving mail at a rate that prevents x", ADDRESS),
    ],
    (Diagnosis.MAILBOX_FULL, "mailbox is full"): [
        ("rcpt", "552 5.2.2 Over quota", ADDRESS),
        ("rcpt", "552 5.2.2 Mailbox full", ADDRESS),
        ("rcpt", "552 <a@b.jp> quota exceeded", ADDRESS),
        ("rcpt", "452 4.2.2 Mailbox full", "deferred recipient"),
        ("rcpt", "452 sorry, mailbox is full (#4.5.2)", "deferred recipient"),
        ("rcpt", "452 4.2.2 The email account is over quota", "deferred recipient"),
        ("rcpt", "552 Requested mail action aborted: exceeded storage allocation", ADDRESS),
        ("content", "552 5.2.2 user over quota", MAIL),
        ("content", "452 4.2.2 user over quota", "deferred message"),
        ("rcpt", "550 宛先のメールボックスの容量を超えています", ADDRESS),
    ],
    (Diagnosis.DISK_FULL, "disk is full"): [
        ("mail", "452 4.3.1 Insufficient system storage", LATER),
        ("rcpt", "452 4.3.1 Insufficient system storage", LATER),
        ("content", "452 4.3.1 Disk full", LATER),
        ("content", "552 5.3.1 Mail system full", MAIL),
    ],
    (Diagnosis.TOO_BIG, "larger than the server allows"): [
        ("mail", "552 5.3.4 Message size exceeds fixed limit", MAIL),
        ("mail", "552 x", MAIL),
        ("content", "552 5.2.3 Message size exceeds maximum permitted", MAIL),
        ("content", "552 sorry, that message size exceeds my databytes limit (#5.3.4)", MAIL),
        ("content", "552 x", MAIL),
        ("content", "550 message too large", MAIL),
        ("rcpt", "552 5.2.3 Message too large for the mailbox", ADDRESS),
        ("rcpt", "552 5.3.4 Message too large", ADDRESS),
    ],
    (Diagnosis.SERVER_TROUBLE, "trouble of its own"): [
        ("data", "451 4.3.0 Queue file write error", LATER),
        ("content", "421 4.3.0 Shutting down", LATER),
        ("content", "452 x", LATER),
    ],
    (Diagnosis.NOT_NOW, "at present"): [
        ("rcpt", "451 4.3.0 Temporary lookup failure", "deferred recipient"),
        ("rcpt", "450 4.7.1 Later", "deferred recipient"),
        ("mail", "421 4.4.2 Idle for too long", LATER),
        ("content", "451 4.7.1 Try again later", "deferred message"),
    ],
    (Diagnosis.RECIPIENT_UNKNOWN, "no such recipient"): [
        ("rcpt", "550 5.1.1 <a@b.jp>: Recipient address rejected: User unknown", ADDRESS),
        ("rcpt", "550 5.1.1 <relay@b.jp>: User unknown", ADDRESS),
        ("rcpt", "550 mail-relay.b.jp says: No such user here", ADDRESS),
        ("rcpt", "550 5.4.1 Recipient address rejected: Access denied", ADDRESS),
        ("rcpt", "550 can't accept user... (#5.7.1)", ADDRESS),
        ("rcpt", "450 5.1.1 No such user, said wrongly", "deferred recipient"),
        ("content", "550 5.1.1 No such user", MAIL),
        ("content", "554 delivery error: dd This user doesn't have a b.jp account", MAIL),
        ("rcpt", "553 sorry, your envelope recipient is in my badrcptto list (#5.7.1)", ADDRESS),
    ],
    (Diagnosis.RECIPIENT_DOMAIN_UNKNOWN, "takes no mail"): [
        ("rcpt", "550 5.1.2 <a@b.jp>: Recipient address rejected: Domain not found", ADDRESS),
        ("rcpt", "556 5.1.10 Recipient address has null MX", ADDRESS),
    ],
    (Diagnosis.RECIPIENT_DISABLED, "mailbox is disabled"): [
        ("rcpt", "550 5.2.1 The email account is disabled.", ADDRESS),
        ("rcpt", "550 4.2.1 Said wrongly", ADDRESS),
        ("rcpt", "550 Mailbox is frozen.", ADDRESS),
        ("content", "525 5.7.13 Disabled recipient address", MAIL),
    ],
    (Diagnosis.RECIPIENT_REFUSED, "refuses this recipient"): [
        ("rcpt", "550 5.7.129 RESOLVER.RST.RestrictedToRecipientsPermission; the sender isn't "
            "authorized to send to it", ADDRESS),
        ("content", "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication "
            "required", MAIL),
        ("rcpt", "550 no", ADDRESS),
        ("rcpt", "551 User not local", ADDRESS),
        ("rcpt", "550 5.7.1 Rejected by policy", ADDRESS),
    ],
    (Diagnosis.CONTENT_REFUSED, "filter against spam or viruses refuses"): [
        ("content", "554 5.7.1 Message rejected as spam by Content Filtering.", MAIL),
        ("content", "550 5.7.1 VIRUS INFECTED", MAIL),
        ("content", "554 5.7.1 Message contains a URL listed in a block list", MAIL),
        ("content", "550 5.7.1 this message is likely unsolicited mail", MAIL),
        ("content", "552 5.7.0 This message was blocked because its content is a risk", MAIL),
    ],
    (Diagnosis.MESSAGE_REFUSED, "refuses the mail."): [
        ("content", "554 5.6.0 Message content rejected", MAIL),
        ("data", "554 5.3.0 No", MAIL),
        ("content", "599 x", MAIL),
        ("content", "500 Line limit exceeded", MAIL),
        ("content", "550 5.7.1 not RFC 5322 compliant. To reduce the amount of spam, x", MAIL),
    ],
    (Diagnosis.OUT_OF_STEP, "bad sequence of commands"): [
        ("rcpt", "503 5.5.1 Bad sequence of commands", ADDRESS),
        ("mail", "503 x", QUEUE),
    ],
}  # fmt: skip
ALL = [
    pytest.param(diagnosis, told, stage, line, meaning, id=f"{stage} {line[:50]}")
    for (diagnosis, told), rows in REPLIES.items()
    for stage, line, meaning in rows
]


@pytest.mark.parametrize(("diagnosis", "told", "stage", "line", "meaning"), ALL)
def test_from_what_is_recognised_follow_both_verdict_and_advice(
    diagnosis: Diagnosis, told: str, stage: str, line: str, meaning: str
) -> None:
    failure = answered(Stage(stage), line)
    assert diagnose(failure) is judge(failure).diagnosis is diagnosis
    assert words(failure) == meaning
    assert told in hint(failure).en
    assert failure.said in hint(failure).ja


def test_a_port_for_submission_that_rejects_the_host_wants_a_login() -> None:
    line = b"5.7.1 <unknown[192.0.2.1]>: Client host rejected: Access denied"
    for port, meant in ((587, Diagnosis.LOGIN_WANTED), (25, Diagnosis.MACHINE_REFUSED)):
        failure = Failure(
            stage=Stage.RCPT, server=f"m:{port}", cause="reply", reply=Reply(554, (line,))
        )
        assert diagnose(failure) is meant
        assert words(failure) == QUEUE
        assert "mail_server.auth" in hint(failure).en


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "iso2022_jp"])
def test_japanese_words_are_read_in_each_of_their_encodings(encoding: str) -> None:
    said = {
        "メール受信後に送信してください。": Diagnosis.POP_LOGIN_WANTED,
        "SMTP認証を行ってください": Diagnosis.LOGIN_WANTED,
        "暗号化された接続が必要です": Diagnosis.ENCRYPTION_WANTED,
        "送信通数の上限に達しました": Diagnosis.SENDING_LIMIT,
        "宛先のメールアドレスは存在しません": Diagnosis.RECIPIENT_UNKNOWN,
        "受信者のアドレスが拒否されました": Diagnosis.RECIPIENT_REFUSED,
    }
    for text, diagnosis in said.items():
        lines = (b"5.7.1 sorry", b"x" * 600, text.encode(encoding))
        reply = Reply(550, lines)
        failure = Failure(stage=Stage.RCPT, server="m:25", cause="reply", reply=reply)
        assert diagnose(failure) is diagnosis, text


def test_a_sentence_is_read_across_the_lines_of_a_reply() -> None:
    lines = (b"5.7.1 This mail has been blocked because the sender", b"5.7.1 is unauthenticated.")
    for first, second in (lines, (lines[0][6:], lines[1][6:])):
        reply = Reply(550, (first, second))
        failure = Failure(stage=Stage.CONTENT, server="m:25", cause="reply", reply=reply)
        assert diagnose(failure) is Diagnosis.SENDER_DOMAIN_POLICY


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("5.1.1", "1.1"),
        (" 5.7.1 indented", "7.1"),
        ("4.1.1 of another class: the first digit of the reply decides", "1.1"),
        ("sorry, no mailbox here by that name. (#5.1.1)", "1.1"),
        ("No 5.1.1 in the middle", ""),
        ("5.1.1.1 is an address", ""),
        ("5.1000.1", ""),
        ("", ""),
    ],
)
def test_the_enhanced_code_stands_first_or_behind_a_number_sign(text: str, detail: str) -> None:
    assert heard(Reply(550, (text.encode(),))).detail == detail


def test_every_diagnosis_has_ruling_label_and_advice_in_both_languages() -> None:
    assert set(ADVICE) == set(Diagnosis)
    for diagnosis in Diagnosis:
        assert diagnosis.ruling.outcome in ("deferred", "held", "ambiguous")
        assert diagnosis.label.en.isascii()
        assert not diagnosis.label.ja.isascii()
        cause_ja, cause_en, remedy_ja, remedy_en = ADVICE[diagnosis]
        assert cause_en.isascii()
        assert remedy_en.isascii()
        assert not cause_ja.isascii()
        assert not remedy_ja.isascii()
    labels = [label for diagnosis in Diagnosis for label in diagnosis.label]
    assert all(len(label) <= 50 for label in labels)
