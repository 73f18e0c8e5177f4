/*
 * Takes from a process what it does not need to decode a file, for it and for whatever it starts: it makes no sockets,
 * looks into no other process, gets no new rights, writes no core file and is bounded in processor time, memory and
 * the size of files.
 */
#ifndef IM_CONFINE_H
#define IM_CONFINE_H

/* Gives up sockets, other processes and new rights, for good.  Ends the process if the kernel refuses. */
void confine(void);

/* Bounds the process and what it starts next; for just before it reads foreign bytes, as memory counts by address. */
void confine_size(void);

#endif
