package weigh_test

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// alone returns the weight of a single member, about whom the JSON tells what is known.
func alone(t *testing.T, algorithm, known string) api.WeighWeight {
	t.Helper()
	_, r := play(t, algorithm, `{"experts":{"m0":`+known+`}}`, "-", nil)
	return r.Weights["m0"]
}

func all(x string) string {
	return fmt.Sprintf(`{"accuracy":%s,"consistency":%s,"domain_knowledge":%s,"past_performance":%s}`, x, x, x, x)
}

func TestWeightOfExpertise(t *testing.T) {
	for _, row := range []struct{ known, raw, weight string }{
		{`{}`, "0.5", "0.6"}, // each part 0.5
		{`{"accuracy":1}`, "0.65", "0.975"},
		{`{"consistency":1}`, "0.6", "0.9"},
		{`{"domain_knowledge":1}`, "0.65", "0.975"},
		{`{"past_performance":1}`, "0.6", "0.9"},
		{`{"accuracy":0,"domain_knowledge":0}`, "0.2", "0.2"},
		{all("0"), "0", "0.1"},
		{all("0.05"), "0.05", "0.1"},
		{all("0.399999"), "0.399999", "0.399999"},
		{all("0.4"), "0.4", "0.48"},
		{all("0.599999"), "0.599999", "0.719999"},
		{all("0.6"), "0.6", "0.9"},
		{all("0.79"), "0.79", "1.185"},  // reference
		{all("0.8"), "0.8", "1.710776"}, // reference: 1.7108
		{all("1"), "1", "2"},
		{`{"assessments":[{"accuracy":1,"consistency":0},{"accuracy":0.5,"consistency":1}]}`, "0.575", "0.69"}, // means 0.75 and 0.5
		{`{"accuracy":0.5,"assessments":[{"accuracy":1,"consistency":0.5}]}`, "0.5", "0.6"},
		{`{"feedback":[{"accuracy":1,"efficiency":0.5}]}`, "0.55", "0.66"},
		{`{"feedback":[{"accuracy":0,"efficiency":0},` + five(`{"accuracy":1,"efficiency":1}`) + `]}`, "0.6", "0.9"}, // the newest five
		{`{"assessments":[{"accuracy":0,"consistency":0},` + five(`{"accuracy":1,"consistency":1}`) + "," + five(`{"accuracy":1,"consistency":1}`) + `]}`, "0.75", "1.125"},
	} {
		if w := alone(t, "expertise", row.known); w.Raw.String() != row.raw || w.Weight.String() != row.weight || w.Capped {
			t.Errorf("%s: %+v, want %s and %s", row.known, w, row.raw, row.weight)
		}
	}
}

func five(x string) string { return x + "," + x + "," + x + "," + x + "," + x }

func TestWeightOfPerformanceAndEqual(t *testing.T) {
	known := `{"accuracy":0,"feedback":[{"accuracy":0.9,"efficiency":0.8}]}`
	if w := alone(t, "performance", known); w.Raw != 850_000 || w.Weight != api.Decimal(2*math.Round(math.Pow(0.85, 0.7)*1e6)) {
		t.Errorf("%+v", w)
	}
	if w := alone(t, "performance", `{"past_performance":0.3,"feedback":[{"accuracy":1,"efficiency":1}]}`); w.Raw != 300_000 || w.Weight != 300_000 {
		t.Errorf("%+v", w)
	}
	if w := alone(t, "equal", known); w != (api.WeighWeight{Weight: api.One}) {
		t.Errorf("%+v", w)
	}
	_, r := play(t, "expertise", `{"factors":{"accuracy":0,"consistency":0,"domain_knowledge":1,"past_performance":0},"experts":{"m0":{"domain_knowledge":0.7,"accuracy":0}}}`, "-", nil)
	if w := r.Weights["m0"]; w.Raw != 700_000 || w.Weight != 1_050_000 {
		t.Errorf("factors of one's own: %+v", w)
	}
}

// The reference system cut in one pass what is above half of the old sum: of 2.0 and 1.0 it made 1.5 and 1.0, which is still 60 %.
func TestNobodyHasMoreThanHalf(t *testing.T) {
	_, r := play(t, "", `{"experts":{"m0":`+all("1")+`,"m1":`+all("0.9")+`}}`, "- -", nil)
	if a, b := r.Weights["m0"], r.Weights["m1"]; a.Weight != b.Weight || !a.Capped || b.Capped {
		t.Errorf("two are %v and %v", a, b)
	}
	_, r = play(t, "", `{"experts":{"m0":`+all("0.1")+`,"m1":`+all("1")+`,"m2":`+all("0")+`}}`, "- - -", nil)
	if a, b, c := r.Weights["m0"], r.Weights["m1"], r.Weights["m2"]; b.Weight != 200_000 || a.Weight != 100_000 || c.Weight != 100_000 || !b.Capped {
		t.Errorf("three are %v, %v and %v", a, b, c)
	}
	_, r = play(t, "", `{"experts":{"m0":`+all("1")+`,"m1":`+all("0.8")+`,"m2":`+all("0.4")+`}}`, "- - -", nil)
	if a := r.Weights["m0"]; a.Weight != 2*api.One || a.Capped {
		t.Errorf("2 of 4.19 is cut: %v", a)
	}
}

func TestFairness(t *testing.T) {
	if _, r := play(t, "equal", "", "- - - -", nil); r.Fairness != (api.WeighFairness{Gini: 0, Max: api.One, Entropy: 2 * api.One}) {
		t.Errorf("reference, Keep 25: equal four weights: %+v", r.Fairness)
	}
	four := `{"experts":{"m0":` + all("0.79") + `,"m1":` + all("0.79") + `,"m2":` + all("0.79") + `,"m3":` + all("0.79") + `}}`
	if _, r := play(t, "", four, "- - - -", nil); r.Fairness != (api.WeighFairness{Gini: 0, Max: 1_185_000, Entropy: 2 * api.One}) {
		t.Errorf("equal four weights of 1.185: %+v", r.Fairness)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, api.MaxWeighMembers).Draw(t, "members")
		experts, words := map[string]api.WeighExpert{}, ""
		for _, m := range names(n) {
			x := api.Decimal(rapid.Int64Range(0, int64(api.One)).Draw(t, m))
			experts[m] = api.WeighExpert{Accuracy: &x, Consistency: &x, DomainKnowledge: &x, PastPerformance: &x}
			words += " -"
		}
		params, err := codec.Marshal(api.WeighParams{Experts: experts})
		if err != nil {
			t.Fatal(err)
		}
		_, r := play(t, "", string(params), words, nil)
		sum, spread, entropy := 0.0, 0.0, 0.0
		for _, a := range r.Weights {
			sum += float64(a.Weight)
			for _, b := range r.Weights {
				spread += math.Abs(float64(a.Weight - b.Weight))
			}
		}
		for _, a := range r.Weights {
			p := float64(a.Weight) / sum
			entropy -= p * math.Log2(p)
		}
		gini := spread / (2 * float64(n) * sum)
		if math.Abs(gini-float64(r.Fairness.Gini)/1e6) > 1e-6 || math.Abs(entropy-float64(r.Fairness.Entropy)/1e6) > 1e-6*float64(n) {
			t.Fatalf("%+v, want %v and %v", r.Fairness, gini, entropy)
		}
	})
}

// The reference system calls two assessments improving whatever they are.
func TestTrend(t *testing.T) {
	at := func(accuracies ...float64) string {
		text := ""
		for i, a := range accuracies {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(`{"accuracy":%v,"consistency":0.5}`, a)
		}
		return `{"assessments":[` + text + `]}`
	}
	for known, want := range map[string]string{
		`{}`:                        "",
		at(0.9, 0.2):                "",
		at(0.1, 0.5, 0.9):           "",
		at(0.5, 0.6, 0.6, 0.6):      "stable",
		at(0.5, 0.6, 0.6, 0.61):     "improving",
		at(0.9, 0.5, 0.6, 0.7):      "declining",
		at(0.5, 0.5, 0.9, 0.9, 0.9): "improving",
		at(0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5): "stable", // the first is forgotten
	} {
		if got := alone(t, "", known).Trend; got != want {
			t.Errorf("%s: %q, want %q", known, got, want)
		}
	}
}
