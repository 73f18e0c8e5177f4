/*
 * A call of an api function, written as in a route row:
 *
 *     friend_request_apply(:me, friendId, applyInfo?)
 *
 * A name with a colon is the server's own word (the caller's account, a path parameter, a value that a handler
 * has set); a bare name is a field that the client sends, in the document's spelling.  "?" marks an optional
 * field: absent or null is NULL.  "a|b" accepts either
 * spelling.  "[20]" after the name: a text of at most so many characters, as a person counts them.  Then "*" stars
 * sensitive words out, or refuses them where messageType says that it is no text, "!" refuses
 * them, "#" hands on the keyed digest of a trade password instead of it.
 * Types are those of the SQL function: the JSON type must fit them, an integer's and money's digits also as
 * text, and the CHECK of a parameter's domain is the field's rule.
 */
#ifndef IM_CALL_H
#define IM_CALL_H

#include "base/must.h"
#include "base/sqltype.h"
#include "base/statement.h"

#include <stdbool.h>
#include <stdint.h>

struct bulk;

enum { SPELLINGS = 3 };

struct argument {
    char names[SPELLINGS][32]; /* the field's spellings, "" where there are fewer */
    bool server;               /* a colon: never read from the client */
    bool optional;
    int most;    /* characters, 0 for any number */
    char filter; /* '*', '!' or '#', 0 for none */
    enum value_kind kind;
    int64_t max;     /* KIND_INT: the greatest value; the least is -max */
    char domain[64]; /* the SQL type's name when it is a domain, else "" */
};

struct call {
    const char *text;        /* as above; the only field that the declaration sets */
    const struct call *door; /* the call that answers its first argument, :me, or NULL; set before it is parsed, as the next */
    struct bulk *bulk;       /* its twin (base/bulk.h), or NULL */
    bool leaves;             /* nobody needs its rows: it is the argument of leave(), whose events come back */
    bool keeps;              /* its rows may be kept under a key (once.h): set before it is parsed, too */
    struct statement statement;
    struct statement keeping; /* the same, with the key as its last parameter; only if it keeps */
    struct argument arguments[DB_PARAMETERS];
    int count;
};

/* Parses the text into arguments and the statement's SQL; a text out of form ends the process.  Its door has been parsed
 * before: the door's arguments come first. */
void call_parse(struct call *call);

/* Fills kinds and domains once the statement is prepared (db_open), by asking PostgreSQL for its domains. */
void call_types(struct call *const *calls, int count);

/* True when the call filters words, so that its program needs the word list. */
MUST_USE bool call_filters(const struct call *call);

/* True when it takes a digest (request.h) of a trade password or of the request. */
MUST_USE bool call_digests(const struct call *call);

/* The client's name for the argument whose SQL type is that domain, or NULL. */
const char *call_domain_field(const struct call *call, const char *domain);

#endif
