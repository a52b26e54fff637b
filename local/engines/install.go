package engines

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

//go:embed assets
var assets embed.FS

// bump makes every checkout install anew: part of the directory's name, with the poms' versions.
const installVersion = "1"

const debianPackages = "openjdk-17-jdk-headless maven"

// install brings both engines into dir by Maven, once; the jars are never committed (licence). Several
// processes may call it at the same time.
func install(ctx context.Context, dir string, say func(format string, args ...any)) error {
	done := filepath.Join(dir, "installed-"+installVersion)
	if _, err := os.Stat(done); err == nil {
		return requireJava(ctx, false, say)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(done); err == nil {
		return requireJava(ctx, false, say)
	}
	if err := requireJava(ctx, true, say); err != nil {
		return err
	}
	for _, name := range []string{"dynamodb", "elasticmq"} {
		say("installing %s by Maven into %s (about 50 MB, once)", name, dir)
		if err := copyJars(ctx, dir, name); err != nil {
			return err
		}
	}
	source, err := assets.ReadFile("assets/LocalDynamo.java")
	if err != nil {
		return err
	}
	java := filepath.Join(dir, "LocalDynamo.java")
	if err := os.WriteFile(java, source, 0o644); err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "javac", "-d", filepath.Join(dir, "classes"), java).CombinedOutput(); err != nil {
		return fmt.Errorf("javac could not compile the DynamoDB Local wrapper: %w: %s", err, bytes.TrimSpace(out))
	}
	return os.WriteFile(done, nil, 0o644)
}

// copyJars resolves one pom into dir/name. A half-finished directory of an earlier try is removed first.
func copyJars(ctx context.Context, dir, name string) error {
	pom, err := assets.ReadFile("assets/" + name + ".xml")
	if err != nil {
		return err
	}
	target, pomFile := filepath.Join(dir, name), filepath.Join(dir, name+".xml")
	if err := errors.Join(os.RemoveAll(target), os.WriteFile(pomFile, pom, 0o644)); err != nil {
		return err
	}
	// -U: a failed look-up is otherwise remembered and never tried again.
	cmd := exec.CommandContext(ctx, "mvn", "-q", "-B", "-ntp", "-U", "-f", pomFile, "dependency:copy-dependencies",
		"-DoutputDirectory="+target, "-DincludeScope=runtime")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("mvn could not download %s; it needs the network once (%w): %s", name, err, lastLines(out, 5))
	}
	return nil
}

// requireJava checks for a Java of at least 17, and with build also for javac and mvn. What is missing
// root installs on Debian; anybody else is told what to install.
func requireJava(ctx context.Context, build bool, say func(format string, args ...any)) error {
	missing := lookForJava(ctx, build)
	if missing == "" {
		return nil
	}
	_, aptErr := exec.LookPath("apt-get")
	if os.Geteuid() != 0 || aptErr != nil {
		return fmt.Errorf("%s: install a JDK of version 17 or newer and Maven (on Debian: sudo apt-get install -y --no-install-recommends %s)", missing, debianPackages)
	}
	say("%s: installing it now: apt-get install -y --no-install-recommends %s", missing, debianPackages)
	script := "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends " + debianPackages
	if out, err := exec.CommandContext(ctx, "sh", "-c", script).CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get could not install %s: %w: %s", debianPackages, err, lastLines(out, 5))
	}
	if missing = lookForJava(ctx, build); missing != "" {
		return fmt.Errorf("%s, also after apt-get install %s", missing, debianPackages)
	}
	return nil
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// lookForJava says what is missing, or nothing.
func lookForJava(ctx context.Context, build bool) string {
	programs := []string{"java"}
	if build {
		programs = []string{"java", "javac", "mvn"}
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed"
		}
	}
	out, err := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	if err != nil {
		return "java does not run (" + err.Error() + ")"
	}
	found := javaVersion.FindSubmatch(out)
	if found == nil {
		return "java does not tell its version"
	}
	if major, _ := strconv.Atoi(string(found[1])); major < 17 {
		return "java is version " + string(found[1]) + ", DynamoDB Local needs 17"
	}
	return ""
}

func lastLines(out []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
