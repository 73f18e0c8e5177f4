/* Arguments of calls, of every kind, from a body and from a query: what is bound has the form that PostgreSQL takes. */
#include "serve/bind.h"
#include "target.h"

#include <stdio.h>

static struct call call = {.text = "f(text, int?, money?, bool?, ints?, texts?, json?, uuid?)"};

static void make_call(void)
{
    call_parse(&call);
    for (int i = 0; i < call.count; i++) {
        call.arguments[i].kind = (enum value_kind)i;
        call.arguments[i].max = INT64_C(9007199254740992);
        call.arguments[i].optional = true;
    }
}

static void bind_all(struct request *r)
{
    const char *values[DB_PARAMETERS] = {NULL}, *field = NULL;

    if (bind_call(&call, r, values, &field) != 0) {
        MUST(field);
        return;
    }
    MUST(!values[KIND_TEXT] || json_utf8_valid(values[KIND_TEXT], strlen(values[KIND_TEXT])));
    MUST(!values[KIND_INT] || strspn(values[KIND_INT], "-0123456789") == strlen(values[KIND_INT]));
    MUST(!values[KIND_MONEY] || strspn(values[KIND_MONEY], ".0123456789") == strlen(values[KIND_MONEY]));
    MUST(!values[KIND_BOOL] || strcmp(values[KIND_BOOL], "true") == 0 || strcmp(values[KIND_BOOL], "false") == 0);
    MUST(!values[KIND_INTS] || strspn(values[KIND_INTS], "{},-0123456789") == strlen(values[KIND_INTS]));
    MUST(!values[KIND_UUID] || strlen(values[KIND_UUID]) == 36);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = text_of(bytes, size), field[JSON_FIELD];
    struct request r;

    if (!call.count)
        make_call();
    request_make(&r, "POST", (char *[]){NULL});
    if ((r.body = r.document = json_read(text, size, field)))
        bind_all(&r);
    request_end(&r);
    request_make(&r, "GET", (char *[]){NULL});
    r.query = text;
    r.body = r.document = json_object_new_object();
    bind_all(&r);
    request_end(&r);
    free(text);
    return 0;
}
