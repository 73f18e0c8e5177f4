#include "code.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    int code;
    const char *chinese, *english;
} codes[] = {
    {200, "success", "success"},
    {400, "请求参数错误", "bad request"},
    {401, "登录已失效，请重新登录", "not logged in, or the token has expired"},
    {403, "没有权限", "forbidden"},
    {404, "资源不存在", "not found"},
    {413, "请求内容过大", "request too large"},
    {429, "操作太频繁，请稍后再试", "too many requests"},
    {500, "服务器繁忙，请稍后再试", "internal error, try again later"},
    {1001, "用户不存在", "no such user"},
    {1002, "密码错误", "wrong password"},
    {1003, "账号已被封禁", "account is banned"},
    {1004, "用户名已存在", "user name is taken"},
    {1005, "手机号或邮箱已被使用", "phone or e-mail is taken"},
    {1006, "请输入正确的验证码", "captcha required or wrong"},
    {1007, "账号已锁定，请稍后再试", "account is locked for a while"},
    {2001, "对方不是您的好友", "not friends"},
    {2002, "已经是好友", "already friends"},
    {2003, "对方已将您拉黑或您已拉黑对方", "blocked"},
    {2004, "好友申请已处理或已失效", "request is not pending"},
    {2005, "待处理的好友申请过多", "too many pending requests"},
    {3001, "群组不存在", "no such group"},
    {3002, "不是群成员", "not a member of the group"},
    {3003, "权限不足", "role too low"},
    {3004, "群组已被封禁", "group is banned"},
    {3005, "已经是群成员", "already a member"},
    {3006, "您已被禁言", "muted"},
    {3007, "群成员已满", "group is full"},
    {4001, "余额不足", "balance too small"},
    {4002, "交易密码错误", "wrong trade password"},
    {4003, "请先设置交易密码", "no trade password set"},
    {4004, "交易密码已锁定，请24小时后再试", "trade password is locked for 24 hours"},
    {4005, "订单状态不允许该操作", "order is not in that state"},
    {5001, "红包已抢完", "red packet is empty"},
    {5002, "已抢过该红包", "already robbed"},
    {5003, "红包已过期", "red packet has expired"},
    {5004, "不能领取该红包", "red packet is not for you"},
    {6001, "对方忙或无法接通", "busy or not reachable"},
    {6002, "通话状态不允许该操作", "call is not in that state"},
    {7001, "不支持的文件类型或文件过大", "file type or size refused"},
    {8001, "内容包含敏感词", "text contains forbidden words"},
};

const char *code_text(int code, bool english)
{
    const char *internal = NULL;

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        const char *text = english ? codes[i].english : codes[i].chinese;

        if (codes[i].code == code)
            return text;
        if (codes[i].code == CODE_INTERNAL)
            internal = text;
    }
    return internal;
}

static int code_of_digits(const char *digits)
{
    return strlen(digits) == 4 && strspn(digits, "0123456789") == 4 ? (int)strtol(digits, NULL, 10) : 0;
}

int code_of_sqlstate(const char *sqlstate)
{
    return sqlstate && sqlstate[0] == 'I' ? code_of_digits(sqlstate + 1) : 0;
}

int code_of_constraint(const char *name)
{
    const char *tail = name ? strrchr(name, '_') : NULL;

    return tail && tail[1] == 'i' ? code_of_digits(tail + 2) : 0;
}
