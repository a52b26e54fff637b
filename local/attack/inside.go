package attack

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Inside reads every table and adds to the finds what a forged request has written: a park that no accepted one pushed or pushed
// otherwise, a nonce that none used, an order.
func (r *Report) Inside(ctx context.Context, db *dynamodb.Client, tables []string) error {
	text := func(v types.AttributeValue) string {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			return v.Value
		case *types.AttributeValueMemberN:
			return v.Value
		}
		return ""
	}
	parks, nonces := 0, 0
	find := func(format string, args ...any) {
		r.Finds = append(r.Finds, "in the store: "+fmt.Sprintf(format, args...))
	}
	for _, table := range tables {
		pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &table})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			for _, i := range page.Items {
				pk, sk := text(i["pk"]), text(i["sk"])
				switch {
				case strings.HasPrefix(pk, "N#"):
					if nonces++; !r.Nonces[sk] {
						find("a nonce of no accepted request: %s %s", pk, sk)
					}
				case strings.HasPrefix(pk, "P#tongli#"), strings.HasPrefix(pk, "I#"):
					find("an order: %s %s", pk, sk)
				case strings.HasPrefix(pk, "P#"):
					if parks++; !r.Parks[pk[2:]] || text(i["pr"]) != "150" || text(i["n"]) != "园区" {
						find("a park that nobody pushed like that: %s, price %s", pk, text(i["pr"]))
					}
				}
			}
		}
	}
	if parks != len(r.Parks) || nonces == 0 || nonces > len(r.Nonces) {
		find("%d parks, %d pushed; %d nonces, %d used", parks, len(r.Parks), nonces, len(r.Nonces))
	}
	return nil
}
