/*
 * What a confined process, and whatever it starts, can no longer do; and that it can still decode.
 */
#include "decoder/confine.h"
#include "decoder/tool.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static int refused(long result)
{
    return result == -1 && errno == EPERM;
}

int main(void)
{
    char out[64] = "";
    int status;
    pid_t other = fork();

    if (other == 0) {
        pause();
        _exit(0);
    }
    int before = socket(AF_UNIX, SOCK_STREAM, 0);
    ok(before >= 0, "before it makes sockets");
    confine();
    ok(refused(socket(AF_INET, SOCK_STREAM, 0)) && refused(socket(AF_INET6, SOCK_DGRAM, 0)), "then none of any network");
    ok(refused(socket(AF_UNIX, SOCK_STREAM, 0)), "nor of this machine");
    ok(refused(connect(before, &(struct sockaddr){AF_UNIX, ""}, sizeof(struct sockaddr))), "nor does it connect one it has");
    ok(refused(accept(before, NULL, NULL)) && refused(accept4(before, NULL, NULL, 0)), "or take what others send to it");
    ok(refused(ptrace(PTRACE_ATTACH, other, NULL, NULL)), "it looks into no other process");
    ok(tool_run((const char *const[]){"echo", "still", NULL}, out, sizeof out) && out[0] == 's', "it runs programs");
    ok(!tool_run((const char *const[]){"sh", "-c", "ulimit -c 1 2>/dev/null", NULL}, out, sizeof out), "which write no core file");
    ok(tool_run((const char *const[]){"sh", "-c", "ulimit -t", NULL}, out, sizeof out) && strtol(out, NULL, 10) == 30,
       "and have 30 seconds");
    kill(other, SIGKILL);
    waitpid(other, &status, 0);
    status = done_testing();
    fflush(stdout);
    _exit(status); /* a sanitizer's last look would be one into another process */
}
