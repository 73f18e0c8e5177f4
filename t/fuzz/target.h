/*
 * What fuzz targets share: a request that has come from nowhere, and a way to say that something is wrong.
 */
#ifndef IM_FUZZ_TARGET_H
#define IM_FUZZ_TARGET_H

#include "base/jsonread.h"
#include "serve/request.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(what)                                                                                                                 \
    do {                                                                                                                           \
        if (!(what)) {                                                                                                             \
            fprintf(stderr, "wrong: %s\n", #what);                                                                                 \
            abort();                                                                                                               \
        }                                                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The bytes as text: the caller frees it. */
static inline char *text_of(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);

    MUST(text);
    memcpy(text, bytes, size);
    text[size] = '\0';
    return text;
}

/* A request with this environment, which ends with NULL. */
static inline void request_make(struct request *r, const char *method, char **environment)
{
    memset(r, 0, sizeof *r);
    request_pool(r);
    r->method = method;
    r->path = "/";
    r->parameters = environment;
}

static inline void request_end(struct request *r)
{
    json_object_put(r->document);
    request_pool_free(r);
}

#endif
