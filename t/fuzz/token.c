/* Tokens: none that was not signed here is taken. */
#include "base/password.h"
#include "base/token.h"
#include "target.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static bool open;
    char *text = text_of(bytes, size);
    struct claims claims = {0};

    if (!open) {
        setenv("IM_JWT_KEY_USER", "0123456789abcdef0123456789abcdef", 1);
        password_open();
        token_open();
        token_know(AUDIENCE_USER);
        open = true;
    }
    MUST(!token_verify(text, AUDIENCE_USER, TOKEN_ACCESS, &claims));
    MUST(!token_verify(text, AUDIENCE_ADMIN, TOKEN_ACCESS, &claims));
    free(text);
    return 0;
}
