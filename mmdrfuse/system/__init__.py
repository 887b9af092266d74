"""Files, threads, processes, memory and machine code: the services of the machine, independent of pictures."""
