/*
 * The answer codes: those of the API document and the further ones of the design, each with the short
 * text that a client may show to its user.  One table, src/base/code.txt, which says too what a client does about each; SQL
 * refuses with SQLSTATE 'I' || code.
 */
#ifndef IM_CODE_H
#define IM_CODE_H

#include <stdbool.h>

enum code {
    CODE_OK = 200,
    CODE_BAD_REQUEST = 400,
    CODE_UNAUTHORIZED = 401,
    CODE_FORBIDDEN = 403,
    CODE_NOT_FOUND = 404,
    CODE_TOO_MANY = 429,
    CODE_INTERNAL = 500,
    CODE_WRONG_PASSWORD = 1002,
    CODE_BANNED = 1003,
    CODE_FILE = 7001,
    CODE_FORBIDDEN_WORDS = 8001,
};

/* The text for a code; that of 500 for a code which the table lacks. */
const char *code_text(int code, bool english);

/* The code's place in the table, and the reverse; one that the table lacks has that of 500, and behind the last is 0. */
int code_place(int code);
int code_at(int place);

/* The code of a refusal's SQLSTATE ("I2001" is 2001), 0 for any other SQLSTATE. */
int code_of_sqlstate(const char *sqlstate);

/* The code that a constraint's name ends with ("account_username_i1004" is 1004), 0 if it ends with none. */
int code_of_constraint(const char *name);

#endif
