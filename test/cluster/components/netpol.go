package main

// Enforces NetworkPolicy on a one-node cluster: rewrites one nftables table whenever pods, namespaces or policies change.

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	netv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func netpolCommand() *cobra.Command {
	var kubeconfig string
	c := &cobra.Command{Use: "netpol", RunE: func(*cobra.Command, []string) error {
		cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return err
		}
		f := informers.NewSharedInformerFactory(kubernetes.NewForConfigOrDie(cfg), 0)
		dirty := make(chan struct{}, 1)
		poke := func() {
			select {
			case dirty <- struct{}{}:
			default:
			}
		}
		h := cache.ResourceEventHandlerFuncs{AddFunc: func(any) { poke() }, UpdateFunc: func(any, any) { poke() }, DeleteFunc: func(any) { poke() }}
		pods, nss, pols := f.Core().V1().Pods(), f.Core().V1().Namespaces(), f.Networking().V1().NetworkPolicies()
		pods.Informer().AddEventHandler(h)
		nss.Informer().AddEventHandler(h)
		pols.Informer().AddEventHandler(h)
		f.Start(context.Background().Done())
		f.WaitForCacheSync(context.Background().Done())
		last := ""
		for range dirty {
			time.Sleep(20 * time.Millisecond)
			ps, _ := pods.Lister().List(labels.Everything())
			ns, _ := nss.Lister().List(labels.Everything())
			po, _ := pols.Lister().List(labels.Everything())
			rules := render(ps, ns, po)
			if rules == last {
				continue
			}
			cmd := exec.Command("nft", "-f", "-")
			cmd.Stdin = strings.NewReader(rules)
			if out, err := cmd.CombinedOutput(); err != nil {
				fmt.Fprintf(os.Stderr, "nft: %v: %s\n%s\n", err, out, rules)
				continue
			}
			last = rules
		}
		return nil
	}}
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "")
	return c
}

func sel(s *metav1.LabelSelector) labels.Selector {
	r, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return r
}

func render(pods []*corev1.Pod, nss []*corev1.Namespace, pols []*netv1.NetworkPolicy) string {
	nsLabels := map[string]labels.Set{}
	for _, n := range nss {
		nsLabels[n.Name] = n.Labels
	}
	var live []*corev1.Pod
	for _, p := range pods {
		if p.Status.PodIP != "" && !p.Spec.HostNetwork && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			live = append(live, p)
		}
	}
	peers := func(ns string, ps []netv1.NetworkPolicyPeer) (matches []string, any bool) {
		if len(ps) == 0 {
			return nil, true
		}
		for _, p := range ps {
			if p.IPBlock != nil {
				m := p.IPBlock.CIDR
				if len(p.IPBlock.Except) > 0 {
					m += " EXCEPT " + strings.Join(p.IPBlock.Except, ", ")
				}
				matches = append(matches, m)
				continue
			}
			for _, q := range live {
				if p.NamespaceSelector == nil && q.Namespace != ns {
					continue
				}
				if p.NamespaceSelector != nil && !sel(p.NamespaceSelector).Matches(nsLabels[q.Namespace]) {
					continue
				}
				if p.PodSelector != nil && !sel(p.PodSelector).Matches(labels.Set(q.Labels)) {
					continue
				}
				matches = append(matches, q.Status.PodIP)
			}
		}
		return matches, false
	}
	wires := podWires()
	var chains, jumps, in bytes.Buffer
	for _, pod := range live {
		ip := pod.Status.PodIP
		fam := "ip"
		if net.ParseIP(ip).To4() == nil {
			fam = "ip6"
		}
		id := strings.NewReplacer(".", "_", ":", "_").Replace(ip)
		var eg, ing bytes.Buffer
		isoE, isoI, allOut := false, false, false
		for _, pol := range pols {
			if pol.Namespace != pod.Namespace || !sel(&pol.Spec.PodSelector).Matches(labels.Set(pod.Labels)) {
				continue
			}
			for _, t := range pol.Spec.PolicyTypes {
				if t == netv1.PolicyTypeEgress {
					isoE = true
					for _, r := range pol.Spec.Egress {
						m, all := peers(pol.Namespace, r.To)
						allOut = allOut || len(r.To)+len(r.Ports) == 0
						emit(&eg, fam, "daddr", m, all, r.Ports, nil)
					}
				}
				if t == netv1.PolicyTypeIngress {
					isoI = true
					for _, r := range pol.Spec.Ingress {
						m, all := peers(pol.Namespace, r.From)
						emit(&ing, fam, "saddr", m, all, r.Ports, pod)
					}
				}
			}
		}
		if isoE {
			fmt.Fprintf(&chains, " chain eg_%s {\n%s  drop\n }\n", id, eg.String())
			fmt.Fprintf(&jumps, "  %s saddr %s jump eg_%s\n", fam, ip, id)
			fmt.Fprintf(&in, "  %s saddr %s jump eg_%s\n", fam, ip, id)
			// Its wire has IPv6 addresses of its own making: what no rule can name is closed.
			if wire := wires[ip]; wire != "" && fam == "ip" && !allOut {
				fmt.Fprintf(&jumps, "  iifname %q meta nfproto ipv6 drop\n", wire)
				fmt.Fprintf(&in, "  iifname %q meta nfproto ipv6 drop\n", wire)
			}
		}
		if isoI {
			fmt.Fprintf(&chains, " chain in_%s {\n%s  drop\n }\n", id, ing.String())
			fmt.Fprintf(&jumps, "  %s daddr %s jump in_%s\n", fam, ip, id)
		}
	}
	return "table inet netpol\ndelete table inet netpol\ntable inet netpol {\n" + chains.String() +
		" chain forward {\n  type filter hook forward priority 0; policy accept;\n  ct state established,related accept\n" + jumps.String() + " }\n" +
		" chain input {\n  type filter hook input priority 0; policy accept;\n  ct state established,related accept\n" + in.String() + " }\n}\n"
}

// podWires tells the interface of each pod's own wire, by its address: the routes to one address in /proc/net/route.
func podWires() map[string]string {
	wires := map[string]string{}
	routes, _ := os.ReadFile("/proc/net/route")
	for _, line := range strings.Split(string(routes), "\n") {
		f := strings.Fields(line)
		if len(f) < 8 || f[7] != "FFFFFFFF" {
			continue
		}
		if n, err := strconv.ParseUint(f[1], 16, 32); err == nil {
			wires[net.IPv4(byte(n), byte(n>>8), byte(n>>16), byte(n>>24)).String()] = f[0]
		}
	}
	return wires
}

// emit writes the accept lines of one rule. A return from a jump falls to the next chain, so an egress accept must not skip the ingress check: use return.
func emit(b *bytes.Buffer, fam, dir string, matches []string, all bool, ports []netv1.NetworkPolicyPort, pod *corev1.Pod) {
	var pm []string
	for _, p := range ports {
		proto := "tcp"
		if p.Protocol != nil {
			proto = strings.ToLower(string(*p.Protocol))
		}
		switch {
		case p.Port == nil:
			pm = append(pm, "meta l4proto "+proto)
		case p.EndPort != nil:
			pm = append(pm, fmt.Sprintf("%s dport %d-%d", proto, p.Port.IntValue(), *p.EndPort))
		case p.Port.IntValue() > 0:
			pm = append(pm, fmt.Sprintf("%s dport %d", proto, p.Port.IntValue()))
		case pod != nil:
			for _, c := range pod.Spec.Containers {
				for _, cp := range c.Ports {
					if cp.Name == p.Port.StrVal {
						pm = append(pm, fmt.Sprintf("%s dport %d", proto, cp.ContainerPort))
					}
				}
			}
		}
	}
	if len(ports) == 0 {
		pm = []string{""}
	}
	if all {
		matches = []string{""}
	}
	for _, m := range matches {
		addr := ""
		if m != "" {
			cidr, ex, has := strings.Cut(m, " EXCEPT ")
			f := "ip"
			if strings.Contains(cidr, ":") {
				f = "ip6"
			}
			addr = fmt.Sprintf("%s %s %s ", f, dir, cidr)
			if has {
				addr += fmt.Sprintf("%s %s != { %s } ", f, dir, ex)
			}
		}
		for _, p := range pm {
			fmt.Fprintf(b, "  %s%s return\n", addr, p)
		}
	}
}
