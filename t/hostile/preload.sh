# Tries: to have a library of its own loaded by bubblewrap, by a variable of the
# execution.
# Stopped by: bubblewrap has no environment.
# Seen to get through with: the environment of the execution for bubblewrap.
# Says: nothing; the loader complains of a library that is none.

true
