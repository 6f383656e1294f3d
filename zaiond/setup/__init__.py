"""The settings page without a terminal or a browser.

In: the files of a configuration and answers. Out: questions, steps (`dialogue`) and changed files
(`files`). Never: a terminal, a socket, a prompt: who calls it shows the steps and gives the
answers.
"""
