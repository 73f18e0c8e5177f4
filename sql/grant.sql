-- Who may call what.  One line per program and function; nothing else is granted to anybody.

revoke all on all functions in schema im, api from public;
revoke all on all tables in schema im from public;

do $$
declare
  role text;
begin
  for role in select rolname from pg_roles where rolname like 'im\_%' and rolname not in ('im_owner', 'im_backup', 'im_monitor') loop
    execute format('grant usage on schema api to %I', role);
    execute format('grant execute on function api.leave(text) to %I', role);
    execute format('grant execute on function api.told(xid8[]) to %I', role);
  end loop;
end $$;

grant execute on function api.enter(bigint, integer, bigint) to im_auth;
grant execute on function api.enter(bigint, integer, bigint) to im_session;
grant execute on function api.enter(bigint, integer, bigint) to im_user;
grant execute on function api.enter(bigint, integer, bigint) to im_wallet;
grant execute on function api.enter(bigint, integer, bigint) to im_friend;
grant execute on function api.enter(bigint, integer, bigint) to im_group;
grant execute on function api.enter(bigint, integer, bigint) to im_message;
grant execute on function api.enter(bigint, integer, bigint) to im_socket;
grant execute on function api.enter(bigint, integer, bigint) to im_webrtc;
grant execute on function api.enter(bigint, integer, bigint) to im_redpacket;
grant execute on function api.enter(bigint, integer, bigint) to im_file;
grant execute on function api.enter(bigint, integer, bigint) to im_system;

grant execute on function api.once, api.keep to im_auth, im_session, im_user, im_wallet, im_friend, im_group, im_message, im_socket,
  im_webrtc, im_redpacket, im_file, im_system;

grant execute on function api.word_list to im_auth, im_user, im_friend, im_group, im_message, im_socket, im_redpacket, im_webrtc;

grant execute on function api.auth_register to im_auth;
grant execute on function api.auth_login_find to im_auth;
grant execute on function api.auth_login_done to im_auth;
grant execute on function api.auth_password_hash to im_auth;
grant execute on function api.auth_password_change to im_auth;
grant execute on function api.auth_trade_set to im_auth;
grant execute on function api.auth_close to im_auth;

grant execute on function api.session_refresh to im_session;
grant execute on function api.session_logout to im_session;
grant execute on function api.session_captcha_create to im_session, im_backstage;

grant execute on function api.user_self to im_user;
grant execute on function api.user_update to im_user;
grant execute on function api.user_search to im_user;
grant execute on function api.user_find to im_user;

grant execute on function api.friend_request_apply to im_friend;
grant execute on function api.friend_request_approve to im_friend;
grant execute on function api.friend_request_reject to im_friend;
grant execute on function api.friend_request_recall to im_friend;
grant execute on function api.friend_request_list to im_friend;
grant execute on function api.friend_list to im_friend;
grant execute on function api.friend_delete to im_friend;
grant execute on function api.friend_remark to im_friend;
grant execute on function api.blacklist_add to im_friend;
grant execute on function api.blacklist_remove to im_friend;
grant execute on function api.blacklist_list to im_friend;

grant execute on function api.group_create to im_group;
grant execute on function api.group_members to im_group;
grant execute on function api.group_modify to im_group;
grant execute on function api.group_delete to im_group;
grant execute on function api.group_find to im_group;
grant execute on function api.group_list to im_group;
grant execute on function api.group_invite to im_group;
grant execute on function api.group_join to im_group;
grant execute on function api.group_members_remove to im_group;
grant execute on function api.group_quit to im_group;
grant execute on function api.group_muted to im_group;
grant execute on function api.group_members_muted to im_group;
grant execute on function api.group_top_message_set to im_group;
grant execute on function api.group_top_message_remove to im_group;
grant execute on function api.group_manager_add to im_group;
grant execute on function api.group_manager_remove to im_group;
grant execute on function api.group_dnd to im_group;

grant execute on function api.message_private_send to im_message, im_socket;
grant execute on function api.message_private_send_many to im_message, im_socket;
grant execute on function api.message_group_send to im_message, im_socket;
grant execute on function api.message_private_pull to im_message;
grant execute on function api.message_private_readed to im_message;
grant execute on function api.message_private_max_readed to im_message;
grant execute on function api.message_private_history to im_message;
grant execute on function api.message_private_recall to im_message;
grant execute on function api.message_group_pull to im_message;
grant execute on function api.message_group_readed to im_message;
grant execute on function api.message_group_readed_users to im_message;
grant execute on function api.message_group_history to im_message;
grant execute on function api.message_group_recall to im_message;
grant execute on function api.message_system_pull to im_message;
grant execute on function api.message_system_readed to im_message;
grant execute on function api.group_transfer to im_group;
grant execute on function api.message_search to im_message;
grant execute on function api.message_sync to im_message;
grant execute on function api.conversation_list to im_message;
grant execute on function api.conversation_set to im_message;

grant execute on function api.socket_open to im_socket;
grant execute on function api.socket_heartbeat to im_socket;
grant execute on function api.socket_heartbeat_many to im_socket;

grant execute on function api.clerk_outbox to im_clerk;
grant execute on function api.clerk_sockets to im_clerk;
grant execute on function api.clerk_begin to im_clerk;
grant execute on function api.clerk_doubtful to im_clerk;
grant execute on function api.clerk_due to im_clerk;
grant execute on function api.clerk_search to im_clerk;
grant execute on function api.clerk_file_gone to im_clerk;
grant execute on function api.clerk_file_forget to im_clerk;

grant execute on function api.wallet_recharge(bigint, im.money, im.pay_type, im.chain_type, im.from_address, im.idempotency_key, im.request_digest) to im_wallet;
grant execute on function api.wallet_payment(im.id, im.money, im.chain_type, im.tx_hash) to im_wallet;
grant execute on function api.wallet_withdraw(bigint, im.money, im.to_address, im.chain_type, text, im.idempotency_key, im.request_digest) to im_wallet;
grant execute on function api.wallet_fund_list(bigint, integer, integer, integer, im.moment_from, im.moment_to) to im_wallet;
grant execute on function api.wallet_vip_buy(bigint, im.vip_days, text, im.idempotency_key, im.request_digest) to im_wallet;

grant execute on function api.redpacket_send(bigint, im.receiver_type, im.id, im.money, im.share_count, im.redpacket_type, im.redpacket_remark, text, im.idempotency_key, im.request_digest) to im_redpacket;
grant execute on function api.redpacket_rob(bigint, uuid, im.idempotency_key, im.request_digest) to im_redpacket;
grant execute on function api.redpacket_detail(bigint, uuid) to im_redpacket;
grant execute on function api.service_enter(bigint, integer) to im_redpacket;
grant execute on function api.redpacket_hand_out(bigint, bigint, im.id, im.money, im.share_count, im.redpacket_type, text, im.idempotency_key, im.request_digest) to im_redpacket;
grant execute on function api.redpacket_service_rob(bigint, bigint, im.id, uuid, im.idempotency_key, im.request_digest) to im_redpacket;
grant execute on function api.redpacket_is_rob(bigint, bigint, im.id, uuid) to im_redpacket;

grant execute on function api.admin_login_find to im_backstage;
grant execute on function api.admin_login_done to im_backstage;
grant execute on function api.admin_enter to im_backstage;
grant execute on function api.admin_self to im_backstage;
grant execute on function api.admin_renew to im_backstage;
grant execute on function api.admin_password_find to im_backstage;
grant execute on function api.admin_password_change to im_backstage;
grant execute on function api.admin_logout to im_backstage;
grant execute on function api.admin_totp_begin to im_backstage;
grant execute on function api.admin_totp_find to im_backstage;
grant execute on function api.admin_totp_set to im_backstage;
grant execute on function api.admin_session_list to im_backstage;
grant execute on function api.admin_session_end to im_backstage;
grant execute on function api.admin_login_list to im_backstage;
grant execute on function api.admin_list to im_backstage;
grant execute on function api.admin_add to im_backstage;
grant execute on function api.admin_update to im_backstage;
grant execute on function api.admin_disable to im_backstage;
grant execute on function api.admin_enable to im_backstage;
grant execute on function api.audit_list to im_backstage;
grant execute on function api.admin_user_ban to im_backstage;
grant execute on function api.admin_user_unban to im_backstage;
grant execute on function api.admin_user_find_by_name to im_backstage;
grant execute on function api.admin_user_find_by_ids to im_backstage;
grant execute on function api.admin_user_list to im_backstage;
grant execute on function api.admin_user_detail to im_backstage;
grant execute on function api.admin_user_kick to im_backstage;
grant execute on function api.admin_user_password to im_backstage;
grant execute on function api.admin_user_trade_password to im_backstage;
grant execute on function api.admin_user_unmute to im_backstage;
grant execute on function api.admin_user_close to im_backstage;
grant execute on function api.admin_complaint_list to im_backstage;
grant execute on function api.admin_complaint_detail to im_backstage;
grant execute on function api.admin_complaint_file to im_backstage;
grant execute on function api.admin_complaint_resolve to im_backstage;
grant execute on function api.admin_notice_send to im_backstage;
grant execute on function api.admin_notice_cancel to im_backstage;
grant execute on function api.admin_notice_list to im_backstage;
grant execute on function api.admin_notice_recipient_list to im_backstage;
grant execute on function api.admin_notice_template_list to im_backstage;
grant execute on function api.admin_notice_template_add to im_backstage;
grant execute on function api.admin_notice_template_update to im_backstage;
grant execute on function api.admin_notice_template_delete to im_backstage;
grant execute on function api.admin_group_ban to im_backstage;
grant execute on function api.admin_group_unban to im_backstage;
grant execute on function api.admin_group_list to im_backstage;
grant execute on function api.admin_group_detail to im_backstage;
grant execute on function api.admin_group_member_list to im_backstage;
grant execute on function api.admin_group_dissolve to im_backstage;
grant execute on function api.admin_group_transfer to im_backstage;
grant execute on function api.admin_recharge_list to im_backstage;
grant execute on function api.admin_recharge_approve(bigint, im.id, im.reason, im.tx_hash) to im_backstage;
grant execute on function api.admin_recharge_reject(bigint, im.id, im.reason) to im_backstage;
grant execute on function api.admin_withdraw_list to im_backstage;
grant execute on function api.admin_withdraw_approve(bigint, im.id, im.reason) to im_backstage;
grant execute on function api.admin_withdraw_reject(bigint, im.id, im.reason) to im_backstage;
grant execute on function api.admin_withdraw_paid(bigint, im.id, im.tx_hash, im.reason) to im_backstage;
grant execute on function api.admin_withdraw_failed(bigint, im.id, im.reason) to im_backstage;
grant execute on function api.admin_fund_list to im_backstage;
grant execute on function api.admin_fund_check(bigint) to im_backstage;
grant execute on function api.admin_redpacket_list to im_backstage;
grant execute on function api.admin_redpacket_detail to im_backstage;

grant execute on function api.webrtc_private_setup to im_webrtc;
grant execute on function api.webrtc_private_accept to im_webrtc;
grant execute on function api.webrtc_private_reject to im_webrtc;
grant execute on function api.webrtc_private_cancel to im_webrtc;
grant execute on function api.webrtc_private_handup to im_webrtc;
grant execute on function api.webrtc_private_offer to im_webrtc;
grant execute on function api.webrtc_private_answer to im_webrtc;
grant execute on function api.webrtc_private_heartbeat_many to im_webrtc;
grant execute on function api.webrtc_private_heartbeat to im_webrtc;
grant execute on function api.webrtc_group_setup to im_webrtc;
grant execute on function api.webrtc_group_accept to im_webrtc;
grant execute on function api.webrtc_group_reject to im_webrtc;
grant execute on function api.webrtc_group_join to im_webrtc;
grant execute on function api.webrtc_group_handup to im_webrtc;
grant execute on function api.webrtc_group_offer to im_webrtc;
grant execute on function api.webrtc_group_answer to im_webrtc;
grant execute on function api.webrtc_group_candidate to im_webrtc;
grant execute on function api.webrtc_group_heartbeat to im_webrtc;
grant execute on function api.webrtc_call to im_webrtc;
grant execute on function api.webrtc_current to im_webrtc;

grant execute on function api.file_room to im_file;
grant execute on function api.file_add to im_file;
grant execute on function api.file_done to im_file;
grant execute on function api.file_download to im_file;

grant execute on function api.system_config to im_system;
grant execute on function api.complaint_submit to im_system;

grant execute on function api.metrics_ready to im_metrics;
grant execute on function api.metrics_database to im_metrics;
grant execute on function api.admin_message_private_list to im_backstage;
grant execute on function api.admin_message_group_list to im_backstage;
grant execute on function api.admin_message_around to im_backstage;
grant execute on function api.admin_message_recall to im_backstage;
grant execute on function api.admin_word_list to im_backstage;
grant execute on function api.admin_word_add to im_backstage;
grant execute on function api.admin_word_update to im_backstage;
grant execute on function api.admin_word_enable to im_backstage;
grant execute on function api.admin_word_delete to im_backstage;
grant execute on function api.admin_word_import to im_backstage;
grant execute on function api.admin_word_hit_list to im_backstage;
grant execute on function api.admin_file_list to im_backstage;
grant execute on function api.admin_file_remove to im_backstage;
grant execute on function api.admin_stat_overview to im_backstage;
grant execute on function api.admin_stat_day_list to im_backstage;
