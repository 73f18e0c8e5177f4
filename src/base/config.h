/*
 * Configuration: KEY=value lines of the file that IM_CONF names, overridden by the environment.
 * Every key is documented in im-chat.conf(5); t/tree.t fails for one that is not.
 */
#ifndef IM_CONFIG_H
#define IM_CONFIG_H

/* Reads the file named by IM_CONF, if any, into the environment.  A file that cannot be read or has a line
 * that is neither KEY=value, blank nor a # comment ends the process with a message naming the line. */
void config_load(void);

/* The key's value, or fallback when it is unset or empty. */
const char *config_text(const char *key, const char *fallback);

/* The key's value as a decimal number in [min, max]; anything else ends the process with a message. */
long config_number(const char *key, long fallback, long min, long max);

/* The key's value; the process ends with a message when it is unset. */
const char *config_required(const char *key);

/* Test hook: kills the process with SIGKILL when IM_FAULT names this point: request (before the transaction), commit
 * (when it has been handed to PostgreSQL, COMMIT and all), answer (when it is over), publish (when it is answered). */
void config_fault(const char *point);

#endif
