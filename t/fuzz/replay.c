/*
 * Runs a fuzz target over its corpus, t/fuzz/corpus/NAME, as a test: what fuzzing has found once stays found.  libFuzzer has a
 * main() of its own (make check-fuzz).
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void replay(const char *folder, const char *name)
{
    static uint8_t bytes[1 << 20];
    char path[2048];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    uint8_t *own = malloc(size ? size : 1); /* so that a byte too many is seen */
    if (!own)
        exit(EXIT_FAILURE);
    memcpy(own, bytes, size);
    ok(file && LLVMFuzzerTestOneInput(own, size) == 0, "%s", name);
    free(own);
}

int main(int argc, char **argv)
{
    const char *target = strrchr(argv[0], '/'), here[] = __FILE__;
    char folder[1024];

    snprintf(folder, sizeof folder, "%.*s/corpus/%s", (int)(strrchr(here, '/') - here), here, target ? target + 1 : argv[argc - 1]);
    DIR *all = opendir(folder);
    ok(all != NULL, "there is a corpus");
    for (struct dirent *entry; all && (entry = readdir(all));)
        if (entry->d_name[0] != '.')
            replay(folder, entry->d_name);
    if (all)
        closedir(all);
    return done_testing();
}
