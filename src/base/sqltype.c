#include "sqltype.h"

/* clang-format off */
static const struct sqltype types[] = {
    /* oid  of a parameter  of a column   greatest */
    {16,    KIND_BOOL,      CELL_BOOL,    0},          /* boolean */
    {20,    KIND_INT,       CELL_NUMBER,  EXACT_MAX},  /* bigint */
    {21,    KIND_INT,       CELL_NUMBER,  INT16_MAX},  /* smallint */
    {23,    KIND_INT,       CELL_NUMBER,  INT32_MAX},  /* integer */
    {25,    KIND_TEXT,      CELL_TEXT,    0},          /* text */
    {114,   KIND_JSON,      CELL_JSON,    0},          /* json */
    {271,   KIND_TEXT,      CELL_TEXT,    0},          /* xid8[] */
    {869,   KIND_TEXT,      CELL_TEXT,    0},          /* inet */
    {1007,  KIND_INTS,      CELL_TEXT,    0},          /* integer[] */
    {1009,  KIND_TEXTS,     CELL_TEXT,    0},          /* text[] */
    {1016,  KIND_INTS,      CELL_TEXT,    0},          /* bigint[] */
    {1043,  KIND_TEXT,      CELL_TEXT,    0},          /* varchar */
    {1184,  KIND_NONE,      CELL_TIME,    0},          /* timestamptz: times are text until SQL has read them */
    {1186,  KIND_TEXT,      CELL_TEXT,    0},          /* interval */
    {1700,  KIND_MONEY,     CELL_NUMBER,  0},          /* numeric */
    {2950,  KIND_UUID,      CELL_TEXT,    0},          /* uuid */
    {3802,  KIND_JSON,      CELL_JSON,    0},          /* jsonb */
    {0,     KIND_NONE,      CELL_TEXT,    0},
};
/* clang-format on */

const struct sqltype *sqltype_of(Oid oid)
{
    const struct sqltype *t = types;

    while (t->oid && t->oid != oid)
        t++;
    return t;
}
