"""zaiond-sendmail: sendmail(1) for programs that mail what they have to say (interface 7)."""
