/*
 * One line per event on standard error, where svlogd or the journal picks it up:
 *
 *     program[pid] error 5c0f…: could not reach PostgreSQL: …
 *
 * or, with IM_LOG=json, an object with time, msec (seconds since 1970), request, program, pid, level and text.
 *
 * Text follows PostgreSQL's error style: lower case, no full stop, "could not" for what may work later,
 * "cannot" for what never will.  Secrets and message contents are never passed to these functions.
 * A log that cannot be written is dropped: logging never blocks or fails a request.
 */
#ifndef IM_LOG_H
#define IM_LOG_H

/* Names the program in every later line.  The string is kept, not copied. */
void log_open(const char *program);

/* How every later line is written: "json", or anything else for plain text. */
void log_format(const char *word);

/* The request id that later lines carry, or NULL when no request is being worked on. */
void log_request(const char *id);

__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);

/* Logs the line as an error and ends the process with status 1: for what a restart or a human must mend. */
__attribute__((format(printf, 1, 2), noreturn)) void log_fatal(const char *format, ...);

#endif
