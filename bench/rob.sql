-- What the program redpacket sends PostgreSQL for POST /redPackage/rob.  Each of the clients robs a packet six times, for
-- six accounts, and goes on to the next: about at the same time, so that they meet there.
\set turn :turn + 1
\set packet :first + :turn / 6
\set place :client_id * 6 + :turn % 6
\set me :account + :place
\set my_session :session + :place
\startpipeline
select * from api.redpacket_rob(api.enter(:me, 1, :my_session), ('00000000-0000-4000-8000-' || lpad((:packet)::text, 12, '0'))::uuid, null, null);
select * from api.leave();
select from api.told(array[pg_current_xact_id()]);
\endpipeline
