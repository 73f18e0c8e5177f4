/*
 * Answers: rows, refusals and failures become {"code", "message", "data"}.
 *
 * How an answer leaves (HTTP, or a push to the socket that sent a frame) is the program's answer function;
 * what it says is decided here.  Each request is answered exactly once.
 */
#ifndef IM_REPLY_H
#define IM_REPLY_H

#include <libpq-fe.h>
#include <stdbool.h>

struct call;
struct request;

/* The headers of an answer with that code. */
#define REPLY_HEADERS                                                                                                              \
    "Content-Type: application/json; charset=utf-8\r\nX-IM-Code: %d\r\n"                                                           \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

/* Answers 200 with the rows in the shape of the request's route. */
void reply_rows(struct request *r, const PGresult *rows);

/* Answers 200 with data, a JSON text that lives as long as the request. */
void reply_data(struct request *r, const char *data);

/* Answers a code of src/base/code.c; detail, usually a field's name, is appended to the text when not NULL. */
void reply_code(struct request *r, int code, const char *detail);

/* The field of the call that breaks the rule of its domain, if the error says that; else NULL. */
const char *reply_unfit(const struct call *call, const PGresult *failure);

/* Answers an error of PostgreSQL to the call: a refusal by its code, a broken input rule by 400 with the field, the rest is
 * logged and answered 500.  The call may be NULL. */
void reply_failure(struct request *r, const struct call *call, const PGresult *failure);

/* Answers 500, and logs that PostgreSQL could not be asked, or, if something was sent, that the outcome is unknown. */
void reply_lost(struct request *r, bool sent);

/* The usual answer function: the code in the body and in X-IM-Code; HTTP status 200, and 429 with code 429, whether a
 * program says so or nginx. */
void reply_http(struct request *r, int code, const char *detail, const char *data);

/* Writes a whole HTTP answer: status, further header lines each ending in \r\n, body. */
void reply_write(struct request *r, int status, const char *headers, const char *body);

/* Grows the request's answer by "code" and "message", as every answer has them. */
void reply_grow_code(struct request *r, int code, const char *detail);

#endif
