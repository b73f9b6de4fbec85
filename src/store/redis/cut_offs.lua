-- All cut-offs. A replica may not know the newest of them, and a primary can become one while
-- brokers are connected; they ask often, and so learn it soon.
if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
  return redis.error_reply('READONLY this server is a replica')
end
return redis.call('HGETALL', KEYS[1])
