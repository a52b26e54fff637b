package e2e

import "strings"

// order changes the order's id.
func id(v string) change { return field("order_id", v) }

// heldContent is what "held" and "gone" were placed with.
func heldContent(id string) func() *request {
	return func() *request {
		return &request{method: "POST", path: "/app/orders", contentType: "application/json", body: `{"order_id":"` + id + `","park_sn":"P1","car_plate_no":"苏E12345","dates":[` +
			slot("2050-03-08", "19:00", "06:30") + "," + slot("2050-03-09", "19:00", "06:30") + `]}`}
	}
}

func call(method, path string) func() *request {
	return func() *request { return &request{method: method, path: path} }
}

var orderRows = []row{
	{"as it is", place, none, 201, 0, ""},
	{"an id of one digit", place, id(`"7"`), 201, 0, ""},
	{"an id of 64", place, id(`"` + strings.Repeat("a", 64) + `"`), 201, 0, ""},
	{"an id of every kind of character", place, id(`"A-z_0.9"`), 201, 0, ""},
	{"an id with white space around it", place, id(`" trimmed\t"`), 201, 0, ""},
	{"so that is the same order", place, id(`"trimmed"`), 200, 0, ""},
	{"a form has no dates", place, sending(form, "order_id=form-1&park_sn=P1&car_plate_no=%E8%8B%8FE88888"), 400, 40002, "dates"},
	{"no id", place, id(""), 400, 40002, "order_id"},
	{"an id of 65", place, id(`"` + strings.Repeat("a", 65) + `"`), 400, 40003, "order_id"},
	{"an id that begins with a dot", place, id(`".hidden"`), 400, 40003, "order_id"},
	{"an id that begins with a minus", place, id(`"-1"`), 400, 40003, "order_id"},
	{"an id with a slash", place, id(`"a/b"`), 400, 40003, "order_id"},
	{"an id with a hash", place, id(`"a#b"`), 400, 40003, "order_id"},
	{"an id with a space", place, id(`"a b"`), 400, 40003, "order_id"},
	{"an id in Chinese", place, id(`"订单1"`), 400, 40003, "order_id"},
	{"an id that is a number", place, id(`1`), 400, 40003, "order_id"},
	{"no park_sn", place, field("park_sn", ""), 400, 40002, "park_sn"},
	{"a park_sn that is a number", place, field("park_sn", "1"), 400, 40003, "park_sn"},
	{"nothing", place, as("{}"), 400, 40002, "car_plate_no dates order_id park_sn"},
	{"no JSON", place, as("{"), 400, 40001, ""},
	{"a park that is unknown", place, field("park_sn", `"P9"`), 404, 40401, ""},

	{"the same again", heldContent("held"), none, 200, 0, ""},
	{"the same again, the plate in another spelling", heldContent("held"), field("car_plate_no", `"苏·e 12345"`), 200, 0, ""},
	{"the same again, the dates in another order", heldContent("held"), dates(slot("2050-03-09", "19:00", "06:30"), slot("2050-03-08", "19:00", "06:30")), 200, 0, ""},
	{"the same again, one field more", heldContent("held"), field("note", `"x"`), 200, 0, ""},
	{"the same id, another plate", heldContent("held"), field("car_plate_no", `"苏E12346"`), 409, 40901, ""},
	{"the same id, another park", heldContent("held"), field("park_sn", `"2017-01-01 12:00:00"`), 409, 40901, ""},
	{"the same id, one date less", heldContent("held"), dates(slot("2050-03-08", "19:00", "06:30")), 409, 40901, ""},
	{"the same id, another end", heldContent("held"), dates(slot("2050-03-08", "19:00", "06:31"), slot("2050-03-09", "19:00", "06:30")), 409, 40901, ""},
	{"the same id, other content that is invalid", heldContent("held"), field("car_plate_no", `"x"`), 400, 40003, "car_plate_no"},
	{"a cancelled one again", heldContent("gone"), none, 409, 40902, ""},
	{"an id in another case is another order", heldContent("HELD"), none, 201, 0, ""},

	{"read", call("GET", "/app/orders/held"), none, 200, 0, ""},
	{"read, cancelled", call("GET", "/app/orders/gone"), none, 200, 0, ""},
	{"read, unknown", call("GET", "/app/orders/none"), none, 404, 40402, ""},
	{"read, an id that cannot be", call("GET", "/app/orders/a%20b"), none, 404, 40402, ""},
	{"read, an id with an escaped slash", call("GET", "/app/orders/a%2Fb"), none, 404, 40402, ""},
	{"read, an id of 3,000", call("GET", "/app/orders/"+strings.Repeat("a", 3000)), none, 404, 40402, ""},
	{"read, with a query", call("GET", "/app/orders/held"), again("x", "1"), 200, 0, ""},
	{"push", call("POST", "/app/orders/held/push"), none, 202, 0, ""},
	{"push with a body that is no JSON: it is not read", call("POST", "/app/orders/held/push"), as("{"), 202, 0, ""},
	{"push, unknown", call("POST", "/app/orders/none/push"), none, 404, 40402, ""},
	{"cancel", call("DELETE", "/app/orders/HELD"), none, 200, 0, ""},
	{"cancel again", call("DELETE", "/app/orders/HELD"), none, 200, 0, ""},
	{"push, cancelled", call("POST", "/app/orders/gone/push"), none, 202, 0, ""},
	{"cancel, unknown", call("DELETE", "/app/orders/none"), none, 404, 40402, ""},
}

// Size comes before the route, the route before the method, the method before the common parameters.
var routeRows = []row{
	{"an unknown path", list, func(r *request) { r.path = "/lease/orders" }, 404, 40400, ""},
	{"a path in another case", list, func(r *request) { r.path = "/Lease/Order" }, 404, 40400, ""},
	{"a slash behind", list, func(r *request) { r.path = "/lease/order/" }, 404, 40400, ""},
	{"two slashes in front", list, func(r *request) { r.path = "//lease/order" }, 404, 40400, ""},
	{"a stage in front", list, func(r *request) { r.path = "/prod/lease/order" }, 404, 40400, ""},
	{"the root", call("GET", "/"), none, 404, 40400, ""},
	{"Tongli's own path", call("POST", "/api/leasePark"), none, 404, 40400, ""},
	{"the debugger", call("POST", "/debug/signature"), none, 404, 40400, ""},
	{"an unknown path with a method that is none", call("FOO", "/nowhere"), none, 404, 40400, ""},
	{"no order_id", call("GET", "/app/orders/"), none, 404, 40400, ""},
	{"GET of lease/park", push, func(r *request) { r.method = "GET" }, 405, 40500, ""},
	{"PUT of lease/park, not signed", call("PUT", "/lease/park"), none, 405, 40500, ""},
	{"DELETE of lease/order", list, func(r *request) { r.method = "DELETE" }, 405, 40500, ""},
	{"PATCH of an order", call("PATCH", "/app/orders/held"), none, 405, 40500, ""},
	{"GET of app/orders", call("GET", "/app/orders"), none, 405, 40500, ""},
	{"GET of a push", call("GET", "/app/orders/held/push"), none, 405, 40500, ""},
	{"POST of app/parks", call("POST", "/app/parks"), none, 405, 40500, ""},
	{"OPTIONS", call("OPTIONS", "/lease/order"), none, 405, 40500, ""},
	{"too large for an unknown path", call("POST", "/nowhere"), as(padded(256<<10 + 1)), 413, 41301, ""},
	{"too large for a wrong method", call("PUT", "/lease/park"), as(padded(256<<10 + 1)), 413, 41301, ""},
	{"too large and not signed", call("POST", "/lease/park"), as(padded(256<<10 + 1)), 413, 41301, ""},
	{"too large for the app", call("POST", "/app/orders"), as(padded(256<<10 + 1)), 413, 41301, ""},
	{"a wrong method with an escape that is none", call("PUT", "/lease/park"), after(func(w *wire) { w.query = "a=%zz" }), 405, 40500, ""},
	{"not signed, and no JSON", call("POST", "/lease/park"), as("{"), 401, 40101, ""},
	{"signed for the app's routes makes no difference", get("/app/park", "park_sn", "P1", "sign", "x", "app_id", "y"), none, 200, 0, ""},
}
