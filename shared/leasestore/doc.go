// Package leasestore keeps parks, orders and what expires in DynamoDB.
//
// # Keys and access patterns
//
//	table     item               pk                      sk                   read by
//	Parks     park               P#<park_sn>             -                    GetItem; parallel Scan (poller, app/parks)
//	Parks     index near         nb = latitude band   nl (longitude, 1e-6°) Query per band: parks around a place; sparse
//	Orders    claim of an id     I#<order_id>            I                    GetItem, before every read of an order by id
//	Orders    order (the truth)  P#tongli#<park_sn>      <plate>#<order_id>   Query: a park's orders, a plate's orders, one order
//	Orders    index due          ds = d<0..15>           due (unix ms)        Query per shard: what is to be pushed, soonest first
//	Expiring  nonce              N#<app_id>              <nonce>              conditional PutItem, once per signed call
//	Expiring  page mark          M#<hash of the walk>    <page, 8 digits>     Query: the nearest mark at or before a page
//	Expiring  breaker            B#tongli                B                    GetItem, cached for a second by the pusher
//	Expiring  sweep record       S#parks                 S                    GetItem and UpdateItem, once per sweep
//	Expiring  re-push position   R#repush                R                    GetItem and PutItem, once per sweep while it runs
//
// The plate's `#` keeps seven-character plates from matching eight-character ones, and sorts before every
// character that may follow, so that the sort key's order is the contract's: plate, then order_id, by bytes.
//
// Attribute names are one or two letters since a page of orders is billed by its bytes. Every item carries its
// version of the layout in v; an item of a later version is lease.ErrVersionUnknown, never guessed at. Moments are
// unix milliseconds, but for ttl, which is unix seconds as DynamoDB wants it. DynamoDB deletes late: readers filter.
package leasestore
