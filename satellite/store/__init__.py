"""What is kept over a restart, in one SQLite file: the session to go on with, and what each day has used."""
