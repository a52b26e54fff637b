package tonglisim

import "fmt"

var (
	districts = []string{"工业园区", "姑苏区", "虎丘区", "吴中区", "相城区", "吴江区", "昆山市", "太仓市"}
	places    = []string{"国际科技园", "金鸡湖商务中心", "东方之门", "星海广场", "创意产业园", "圆融时代广场", "月亮湾", "独墅湖高教区", "石湖", "木渎", "狮山路", "观前街", "平江路", "火车站北广场", "活力岛", "太湖新城"}
	kindsOf   = []string{"地下停车场", "停车楼"}
)

// Suzhou is the simulator's stock: 256 parks around Suzhou that lease their nights, and a few rows that no
// gateway should take (a plate-free price, a date that does not exist, a window without length …).
func Suzhou() []map[string]any {
	var parks []map[string]any
	for d, district := range districts {
		for p, place := range places {
			for k, kind := range kindsOf {
				n := len(parks)
				parks = append(parks, map[string]any{
					"park_sn": fmt.Sprintf("SZ%04d", n+1), "park_name": "苏州" + district + place + kind,
					"deadline": "2027-12-31", "start_time": []string{"18:00", "19:00", "17:30", "20:00"}[(p+k)%4], "end_time": []string{"08:00", "07:30", "06:30", "24:00"}[(d+k)%4],
					"is_sat": (p + 1) % 2, "is_sun": (d + 1) % 2, "is_holiday": k, "price": 100 + 50*(p%4), "start_price": 200 + 100*(d%3), "holiday_price": 1500 + 500*(k+p%2),
					"longitude": fmt.Sprintf("%.6f", 120.50+0.03*float64(p)+0.001*float64(d)), "latitude": fmt.Sprintf("%.6f", 31.20+0.03*float64(d)+0.002*float64(p)+0.0005*float64(k)),
				})
			}
		}
	}
	faulty := func(n int, field string, value any) {
		bad := map[string]any{}
		for name, v := range parks[n] {
			bad[name] = v
		}
		bad["park_sn"] = fmt.Sprintf("BAD%02d", n)
		bad[field] = value
		if value == nil {
			delete(bad, field)
		}
		parks = append(parks, bad)
	}
	faulty(0, "price", -1)
	faulty(1, "deadline", "2027-02-30")
	faulty(2, "end_time", parks[2]["start_time"])
	faulty(3, "latitude", nil)
	faulty(4, "park_name", "")
	return parks
}
