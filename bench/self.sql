-- What the program user sends PostgreSQL for GET /user/self.  pgbench -D account=… -D session=… -D accounts=…
\set n random(0, :accounts - 1)
\set me :account + :n
\set my_session :session + :n
\startpipeline
select * from api.user_self(api.enter(:me, 1, :my_session));
\endpipeline
