-- What the program message sends PostgreSQL for POST /message/private/send.  The program deletes the outbox rows of
-- many messages at once, in a transaction of its own; here each transaction deletes its own.
\set n 2 * random(0, :accounts / 2 - 1)
\set me :account + :n
\set my_session :session + :n
\set friend :me + 1
\set kind 1
\set client_id random(1, 9000000000000000)
\startpipeline
select * from api.message_private_send(api.enter(:me, 1, :my_session), :friend, 'Shall we meet at the tea house at eight? The usual table.', :kind, '{}', :client_id);
select * from api.leave();
select from api.told(array[pg_current_xact_id()]);
\endpipeline
