package console

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lease-gateway/local/stack"
	"lease-gateway/shared/lease"
	"lease-gateway/shared/signature"
)

const (
	bodyMax   = 300 << 10 // above the API's own bound, so that its 41301 can be seen
	parksShow = 2000      // of a search
)

func (c *Console) getEvent(w http.ResponseWriter, r *http.Request) {
	id, _ := strconv.ParseInt(r.PathValue("id"), 10, 64) // 0 is no id
	e, ok := c.stream.find(id)
	if !ok {
		fail(w, http.StatusNotFound, "the event is no longer kept")
		return
	}
	write(w, http.StatusOK, struct {
		Event
		Detail
	}{e, e.Detail})
}

// forward sends a call to the API's port, as the app does, and hands its answer back as it is.
func (c *Console) forward(method string, path func(*http.Request) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if body, ok := readBody(w, r); ok {
			c.send(w, r, method, c.stack.URL+path(r), body)
		}
	}
}

func orderPath(r *http.Request) string { return "/app/orders/" + url.PathEscape(r.PathValue("id")) }

// postPark pushes a park as Tongli does: through the API's port, with Tongli's signature.
func (c *Console) postPark(w http.ResponseWriter, r *http.Request) {
	if body, ok := readBody(w, r); ok {
		const path = "/lease/park"
		query := signature.Query(stack.InboundAppID, stack.Secret, http.MethodPost, path, nil, body, time.Now(), "")
		if c.send(w, r, http.MethodPost, c.stack.URL+path+"?"+query, body) == http.StatusOK && c.stack.Tongli != nil {
			var park map[string]any
			if json.Unmarshal(body, &park) == nil {
				c.stack.Tongli.SetPark(park) // it is on Tongli's list too, or the polls would withdraw it
			}
		}
	}
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "the body is too large")
	}
	return body, err == nil
}

func (c *Console) send(w http.ResponseWriter, r *http.Request, method, target string, body []byte) (status int) {
	req, err := http.NewRequestWithContext(r.Context(), method, target, bytes.NewReader(body))
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fail(w, http.StatusBadGateway, "the API does not answer: "+err.Error())
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		fail(w, http.StatusBadGateway, "the API's answer broke off: "+err.Error())
		return 0
	}
	writeRaw(w, resp.StatusCode, raw)
	return resp.StatusCode
}

// run starts a scheduled function as its schedule does, and answers its report.
func (c *Console) run(w http.ResponseWriter, r *http.Request, folder string) {
	for _, f := range c.stack.Template.Functions {
		if f.Folder != folder {
			continue
		}
		result, err := c.stack.Invoker().Invoke(r.Context(), f.Name, []byte("{}"))
		switch {
		case err != nil:
			fail(w, http.StatusServiceUnavailable, err.Error())
		case result.Error != "":
			fail(w, http.StatusInternalServerError, string(result.Payload))
		default:
			writeRaw(w, http.StatusOK, result.Payload)
		}
		return
	}
	fail(w, http.StatusNotFound, "the template has no "+folder)
}

// parkView is a park with the names of the wire (3.1).
type parkView struct {
	SN           string `json:"park_sn"`
	Name         string `json:"park_name"`
	Deadline     string `json:"deadline"`
	Start        string `json:"start_time"`
	End          string `json:"end_time"`
	Sat          bool   `json:"is_sat"`
	Sun          bool   `json:"is_sun"`
	Holiday      bool   `json:"is_holiday"`
	Price        int64  `json:"price"`
	StartPrice   int64  `json:"start_price"`
	HolidayPrice int64  `json:"holiday_price"`
	Longitude    string `json:"longitude"`
	Latitude     string `json:"latitude"`
	Withdrawn    bool   `json:"withdrawn"`
	UpdatedAt    string `json:"updated_at"`
	Source       string `json:"source"`
}

func (c *Console) getParks(w http.ResponseWriter, r *http.Request) {
	q := strings.ToLower(strings.TrimSpace(r.URL.Query().Get("q")))
	views, total, held := []parkView{}, 0, 0
	err := c.store.Parks(r.Context(), 1, func(p lease.StoredPark) error {
		held++
		if q != "" && !strings.Contains(strings.ToLower(p.Name+"\n"+p.SN), q) {
			return nil
		}
		if total++; len(views) < parksShow {
			views = append(views, parkView{p.SN, p.Name, p.Deadline.String(), p.Start.String(), p.End.String(), p.Sat, p.Sun, p.Holiday, p.Price, p.StartPrice,
				p.HolidayPrice, p.Longitude, p.Latitude, p.Withdrawn, p.UpdatedAt.In(lease.Zone).Format(time.RFC3339), string(p.Source)})
		}
		return nil
	})
	if err != nil {
		fail(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	slices.SortFunc(views, func(a, b parkView) int { return strings.Compare(a.SN, b.SN) })
	c.mu.Lock()
	last := c.lastPoll
	c.mu.Unlock()
	write(w, http.StatusOK, map[string]any{"parks": views, "total": total, "held": held, "poll": last})
}

// decode reads a small JSON body of the console's own.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10)).Decode(into)
	if err != nil {
		fail(w, http.StatusBadRequest, "the body is unreadable: "+err.Error())
	}
	return err == nil
}
