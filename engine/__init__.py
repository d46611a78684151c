"""The engine: what learns (learning, judging, runs) and what answers (serving, store). It knows no front end."""
