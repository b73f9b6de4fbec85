-- Writes the epoch of each tag that has none, or has another server's.
--
-- What names the server is its replication id: it changes when a server is promoted and when it is
-- restarted, also for a server that was a primary, became a replica, lost its newest records to its
-- new primary's, and was promoted again. (`run_id` stays the same then.)
local now = ARGV[1]
local info = redis.call('INFO', 'replication')
if not string.find(info, 'role:master', 1, true) then
  return redis.error_reply('READONLY this server is a replica')
end
local server = string.match(info, 'master_replid:(%x+)')
for _, epoch in ipairs(KEYS) do
  local written_on = string.match(redis.call('GET', epoch) or '', '^(%x+) %d+$')
  if written_on ~= server then
    redis.call('SET', epoch, server .. ' ' .. now)
  end
end
return redis.status_reply('OK')
