package main

import (
	"context"
	"fmt"

	"github.com/caarlos0/env/v11"

	"lease-gateway/local/restore"
	"lease-gateway/shared/config"
)

// restoreTable copies a restored table back (docs/deploy.md), by the SDK's own variables or what the AWS CLI finds.
func restoreTable(ctx context.Context) error {
	v, err := env.ParseAs[struct {
		From    string `env:"FROM,notEmpty"`
		To      string `env:"TO,notEmpty"`
		Replace string `env:"REPLACE"`
		DryRun  string `env:"DRY_RUN"`
	}]()
	if err != nil {
		return fmt.Errorf("make restore FROM=… TO=…: %w", err)
	}
	if _, err := awsCredentials(ctx); err != nil {
		return err
	}
	c, err := restore.Run(ctx, config.DynamoDB(), restore.Options{From: v.From, To: v.To, Replace: v.Replace == "yes", DryRun: v.DryRun == "yes"})
	say("of %s, %s has %d equal, %d different, %d missing", v.From, v.To, c.Equal, c.Different, c.Missing)
	switch {
	case err != nil:
		return fmt.Errorf("not finished, run it again: %w", err)
	case v.DryRun == "yes":
		say("nothing was written")
	case v.Replace == "yes":
		say("the missing and the different ones were written")
	default:
		say("the missing ones were written")
	}
	return nil
}
