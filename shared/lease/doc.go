// Package lease is the domain of off-peak parking: parks and the hours they lease, plates, slots,
// orders, and the rules that decide between them. It knows no wire, no table and no queue, and uses
// the standard library only.
//
// Units and zones, throughout: money is an integer number of fen (1/100 yuan); dates and times of day
// are local to Asia/Shanghai, a fixed +08:00 without summer time ([Zone]); moments are [time.Time].
//
// The rules come from the interface document between Chejiajia and Tongli (3.1 park, 3.2 orders, 3.4
// whitelist). What that document leaves open is decided once, here, and marked "chosen".
package lease
