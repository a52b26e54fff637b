package simulation

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

type item = map[string]types.AttributeValue

// scope is what an expression is evaluated in.
type scope struct {
	item   item
	names  map[string]string
	values item
}

type (
	operand   func(scope) types.AttributeValue
	condition func(scope) bool
)

// parser reads the part of DynamoDB's expressions that the store uses: =, <, <=, BETWEEN, AND, OR, begins_with, attribute_not_exists, SET with
// if_not_exists, and REMOVE. Anything else is a panic, so that it is seen.
type parser struct {
	tokens []string
	at     int
}

var parsed sync.Map // expression -> condition or update

func tokens(s string) []string {
	for _, mark := range []string{"(", ")", ","} {
		s = strings.ReplaceAll(s, mark, " "+mark+" ")
	}
	return strings.Fields(s)
}

func parseCondition(expression string) condition {
	if c, ok := parsed.Load("c" + expression); ok {
		return c.(condition)
	}
	p := &parser{tokens: tokens(expression)}
	c := p.or()
	p.end()
	parsed.Store("c"+expression, c)
	return c
}

func (p *parser) peek() string {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return ""
}

func (p *parser) next() string { t := p.peek(); p.at++; return t }

func (p *parser) took(token string) bool {
	if strings.EqualFold(p.peek(), token) {
		p.at++
		return true
	}
	return false
}

func (p *parser) want(token string) {
	if !p.took(token) {
		panic(fmt.Sprintf("simulated DynamoDB: %q expected at %d of %q", token, p.at, p.tokens))
	}
}

func (p *parser) end() {
	if p.at != len(p.tokens) {
		panic(fmt.Sprintf("simulated DynamoDB: %q left over of %q", p.peek(), p.tokens))
	}
}

func (p *parser) or() condition {
	left := p.and()
	for p.took("OR") {
		a, b := left, p.and()
		left = func(s scope) bool { return a(s) || b(s) }
	}
	return left
}

func (p *parser) and() condition {
	left := p.term()
	for p.took("AND") {
		a, b := left, p.term()
		left = func(s scope) bool { return a(s) && b(s) }
	}
	return left
}

func (p *parser) term() condition {
	if p.took("(") {
		c := p.or()
		p.want(")")
		return c
	}
	switch p.peek() {
	case "attribute_not_exists":
		p.next()
		p.want("(")
		a := p.operand()
		p.want(")")
		return func(s scope) bool { return a(s) == nil }
	case "begins_with":
		p.next()
		p.want("(")
		a := p.operand()
		p.want(",")
		b := p.operand()
		p.want(")")
		return func(s scope) bool {
			text, ok1 := a(s).(*types.AttributeValueMemberS)
			prefix, ok2 := b(s).(*types.AttributeValueMemberS)
			return ok1 && ok2 && strings.HasPrefix(text.Value, prefix.Value)
		}
	}
	left := p.operand()
	if p.took("BETWEEN") {
		low := p.operand()
		p.want("AND")
		high := p.operand()
		return func(s scope) bool {
			v := left(s)
			a, ok1 := compare(v, low(s))
			b, ok2 := compare(v, high(s))
			return ok1 && ok2 && a >= 0 && b <= 0
		}
	}
	operator := p.next()
	right := p.operand()
	holds, known := map[string]func(int) bool{"=": func(c int) bool { return c == 0 }, "<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 }}[operator]
	if !known {
		panic(fmt.Sprintf("simulated DynamoDB: operator %q in %q", operator, p.tokens))
	}
	return func(s scope) bool {
		c, ok := compare(left(s), right(s))
		return ok && holds(c)
	}
}

func (p *parser) operand() operand {
	name := p.next()
	if strings.HasPrefix(name, ":") {
		return func(s scope) types.AttributeValue {
			v, ok := s.values[name]
			if !ok {
				panic("simulated DynamoDB: no value " + name)
			}
			return v
		}
	}
	return func(s scope) types.AttributeValue {
		v, ok := s.item[s.name(name)]
		if !ok {
			return nil
		}
		return v
	}
}

func (s scope) name(name string) string {
	if strings.HasPrefix(name, "#") {
		return s.names[name]
	}
	return name
}

// compare tells how two values of one type stand to each other.
func compare(a, b types.AttributeValue) (int, bool) {
	switch a := a.(type) {
	case *types.AttributeValueMemberS:
		if b, ok := b.(*types.AttributeValueMemberS); ok {
			return strings.Compare(a.Value, b.Value), true
		}
	case *types.AttributeValueMemberB:
		if b, ok := b.(*types.AttributeValueMemberB); ok {
			return strings.Compare(string(a.Value), string(b.Value)), true
		}
	case *types.AttributeValueMemberN:
		if b, ok := b.(*types.AttributeValueMemberN); ok {
			if x, err := strconv.ParseInt(a.Value, 10, 64); err == nil {
				if y, err := strconv.ParseInt(b.Value, 10, 64); err == nil {
					return cmp.Compare(x, y), true
				}
			}
			return number(a.Value).Cmp(number(b.Value)), true
		}
	}
	return 0, false
}

func number(s string) *big.Rat {
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("simulated DynamoDB: number " + s)
	}
	return n
}

// assignment is one action of an update expression.
type assignment struct {
	name  string
	value operand // nil: remove
}

func parseUpdate(expression string) []assignment {
	if u, ok := parsed.Load("u" + expression); ok {
		return u.([]assignment)
	}
	p := &parser{tokens: tokens(expression)}
	var list []assignment
	for p.peek() != "" {
		switch {
		case p.took("SET"):
			for more := true; more; more = p.took(",") {
				name := p.next()
				p.want("=")
				list = append(list, assignment{name, p.assigned()})
			}
		case p.took("REMOVE"):
			for more := true; more; more = p.took(",") {
				list = append(list, assignment{name: p.next()})
			}
		default:
			panic(fmt.Sprintf("simulated DynamoDB: %q in an update", p.peek()))
		}
	}
	parsed.Store("u"+expression, list)
	return list
}

func (p *parser) assigned() operand {
	if !p.took("if_not_exists") {
		return p.operand()
	}
	p.want("(")
	a := p.operand()
	p.want(",")
	b := p.operand()
	p.want(")")
	return func(s scope) types.AttributeValue {
		if v := a(s); v != nil {
			return v
		}
		return b(s)
	}
}
