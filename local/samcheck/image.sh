#!/usr/bin/env bash
# Sees to the image in which `sam local` runs the functions, under the tag that SAM looks for: the one that is there; else the
# official one, which SAM then pulls by itself; else, where its registry cannot be reached, one made of nothing but the
# emulator that ships inside aws-sam-cli, which is enough for a static binary. Argument: the sam command.
set -euo pipefail
sam=$1
arch=$(uname -m)
case $arch in aarch64) arch=arm64 ;; esac
tag=public.ecr.aws/lambda/provided:al2023-rapid-$arch

docker image inspect "$tag" >/dev/null 2>&1 && { echo "there is $tag"; exit 0; }
timeout 300 docker pull -q public.ecr.aws/lambda/provided:al2023 2>/dev/null && exit 0

python=$(sed -n '1s/^#!//p' "$(command -v "$sam")")
emulator=$("$python" -c 'import samcli; print(samcli.__path__[0])')/local/rapid/aws-lambda-rie-$arch
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/var/rapid" "$root/var/task" "$root/tmp"
install -m 755 "$emulator" "$root/var/rapid/aws-lambda-rie"
chmod 755 "$root"
chmod 1777 "$root/tmp"
tar -C "$root" --owner=0 --group=0 -c . | docker import --platform "linux/${arch/x86_64/amd64}" \
  --change 'ENTRYPOINT ["/var/rapid/aws-lambda-rie"]' --change 'WORKDIR /var/task' - "$tag" >/dev/null
echo "made $tag of the emulator: the official image cannot be pulled"
