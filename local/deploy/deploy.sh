#!/usr/bin/env bash
# make deploy STAGE=dev|prod: builds what is committed, shows the change set, asks, deploys, prints the outputs.
# Further parameters in PARAMETERS="TongliBaseUrl=https://… AlarmTopicArn=…".
set -euo pipefail
cd "$(dirname "$0")/../.."
stop() { echo "deploy: $1" >&2; exit 1; }

case "${STAGE:-}" in
  dev) config=default ;;
  prod) config=prod ;;
  *) stop "say which stage: make deploy STAGE=dev, or STAGE=prod" ;;
esac
[ -z "$(git status --porcelain)" ] || stop "the tree has changes that are not committed; what runs must be a commit"
for tool in sam aws go; do command -v $tool >/dev/null || stop "$tool is missing (docs/deploy.md says what is needed)"; done
account=$(aws sts get-caller-identity --query Account --output text) || stop "no credentials for an AWS account"

stack=lease-$STAGE
echo "stage $STAGE, stack $stack, account $account, commit $(git rev-parse --short HEAD)"
read -r -p "Type the stage to go on: " answer
[ "$answer" = "$STAGE" ] || stop "not confirmed"

sam build --config-env "$config"
read -r -a more <<<"${PARAMETERS:-}"
sam deploy --config-env "$config" --confirm-changeset --parameter-overrides "Stage=$STAGE" ${more[@]+"${more[@]}"}
aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]' --output table
echo "Next: the secrets, where they are not set (docs/deploy.md, step 7), then the smoke test (step 10): make smoke URL=<ApiUrl> PARK=…"
