/*
 * The SQL types of what calls take and answer: one table, by the OIDs that PostgreSQL gives its own types for ever.
 */
#ifndef IM_SQLTYPE_H
#define IM_SQLTYPE_H

#include <libpq-fe.h>
#include <stdint.h>

/* What a client may send for a parameter; KIND_NONE: no call takes one. */
enum value_kind { KIND_TEXT, KIND_INT, KIND_MONEY, KIND_BOOL, KIND_INTS, KIND_TEXTS, KIND_JSON, KIND_UUID, KIND_NONE };

/* How PostgreSQL writes a column's values: a number or JSON is JSON already, the others are not. */
enum cell_kind { CELL_TEXT, CELL_NUMBER, CELL_JSON, CELL_BOOL, CELL_TIME };

struct sqltype {
    Oid oid; /* 0: any other */
    enum value_kind kind;
    enum cell_kind cell;
    int64_t max; /* KIND_INT: the greatest value; the least is -max */
};

/* The largest integer that every JSON client keeps exact. */
#define EXACT_MAX INT64_C(9007199254740992)

/* The type's row; of a type that is not in the table one that no call takes, and that is answered as text. */
const struct sqltype *sqltype_of(Oid oid);

#endif
