# Tries: the shell's classic, but those that can make no more stay.
# Stopped by: the container's limit of processes; when its time is over, or the
# first shell has ended, all of them are stopped and then killed.
# Seen to get through with nothing: the limit is the container's; it dies of
# want of memory, too.
# Says: nothing.

bomb() {
    bomb & bomb &
    sleep 3600
}

bomb &
sleep 1
