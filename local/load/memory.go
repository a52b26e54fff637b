package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// resident is what the processes of one kind hold.
type resident struct {
	count     int
	sum, most int // KB
}

// memory reads the resident memory of a process and of all that descend from it, by what they run.
func memory(root int) (map[string]resident, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	parents := map[int]int{}
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		raw, err := os.ReadFile(folder + "/stat")
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		parents[pid], _ = strconv.Atoi(fields[1])
	}
	all := map[string]resident{}
	for pid := range parents {
		if !descends(pid, root, parents) {
			continue
		}
		name, kb, err := process(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		r := all[name]
		r.count, r.sum, r.most = r.count+1, r.sum+kb, max(r.most, kb)
		all[name] = r
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("process %d is gone", root)
	}
	return all, nil
}

func descends(pid, root int, parents map[int]int) bool {
	for range 20 {
		if pid == root {
			return true
		}
		pid = parents[pid]
	}
	return false
}

func process(pid int) (name string, kb int, err error) {
	folder := fmt.Sprintf("/proc/%d", pid)
	command, err := os.ReadFile(folder + "/cmdline")
	if err != nil {
		return "", 0, err
	}
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return "", 0, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscanf(rest, "%d", &kb); err != nil {
		return "", 0, err
	}
	switch text := string(command); {
	case strings.Contains(text, "elasticmq"):
		return "ElasticMQ", kb, nil
	case strings.Contains(strings.ToLower(text), "dynamodb"):
		return "DynamoDB Local", kb, nil
	default:
		first, _, _ := strings.Cut(text, "\x00")
		return filepath.Base(first), kb, nil
	}
}
