package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/deployment"
	"github.com/mulligan-gateway/mulligan/rules"
)

// buildCatalog builds every deployment.
func (a *App) buildCatalog(caddy.Context) error {
	compiler, err := rules.NewCompiler(rules.Options{
		KnownTarget: a.knownTarget,
		Targets:     append(slices.Sorted(maps.Keys(a.providers)), a.garden.Names()...),
	})
	if err != nil {
		return fmt.Errorf("prepare the rules: %w", err)
	}
	var wrong []error
	built := make([]*deployment.Deployment, 0, len(a.Deployments))
	for _, key := range slices.Sorted(maps.Keys(a.Deployments)) {
		b := deploymentBuilder{app: a, compiler: compiler, key: key, config: a.Deployments[key]}
		built = append(built, b.build())
		wrong = append(wrong, b.wrong...)
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	a.catalog, err = deployment.NewCatalog(built)
	return err
}

// knownTarget says whether a rule may ask for the health of a provider or a provider/model.
func (a *App) knownTarget(name string) bool {
	if _, ok := a.providers[name]; ok {
		return true
	}
	_, ok := a.garden.Find(name)
	return ok
}

// deploymentBuilder builds one deployment and notes all that is wrong with it.
type deploymentBuilder struct {
	app      *App
	compiler *rules.Compiler
	key      string
	config   *DeploymentConfig
	wrong    []error
}

// fail notes what is wrong with a word of the deployment, or with all of it for "".
func (b *deploymentBuilder) fail(word string, err error) {
	whole := deploymentPosition(b.key)
	b.wrong = append(b.wrong, located(within(err, "deployment %q", b.key), b.app.at(whole+" "+word, whole)))
}

func (b *deploymentBuilder) build() *deployment.Deployment {
	if b.config == nil {
		b.config = new(DeploymentConfig)
	}
	if err := checkName(b.key); err != nil {
		b.fail("", err)
	}
	if word, err := b.config.check(); err != nil {
		b.fail(word, within(err, "%s", word))
	}
	if len(b.config.Variants) == 0 {
		b.fail("", errors.New("it has no variants; write at least variant default { model … }"))
	}
	d := &deployment.Deployment{Key: b.key, Domain: b.config.Domain}
	for _, config := range b.config.Variants {
		if config == nil {
			config = new(VariantConfig)
		}
		v := variantBuilder{deploymentBuilder: b, variant: config}
		d.Variants = append(d.Variants, v.build())
	}
	b.checkNames()
	b.checkDefault()
	b.checkExpected()
	return d
}

// checkNames refuses two variants of one name.
func (b *deploymentBuilder) checkNames() {
	seen := map[string]bool{}
	for _, name := range b.variantNames() {
		if seen[name] {
			b.fail("variant "+name, within(errors.New("there is another variant of this name; give one of them another"), "variant %q", name))
		}
		seen[name] = true
	}
}

// checkDefault refuses a variant that always answers before others, which never would.
func (b *deploymentBuilder) checkDefault() {
	names := b.variantNames()
	for i, v := range b.config.Variants {
		if v == nil || v.When != "" || i == len(names)-1 {
			continue
		}
		rest := b.config.Variants[i+1:]
		err := fmt.Errorf("it has no when, so it always answers and %s never would; move it to the end, or give it a when", list(quoted(names[i+1:])))
		if last := rest[len(rest)-1]; last != nil && last.When == "" {
			err = fmt.Errorf("it has no when, and neither has %q, the default; give it a when, or leave one of them out", last.Name)
		}
		b.fail("variant "+v.Name, within(err, "variant %q", v.Name))
		return
	}
}

// checkExpected refuses expectations of variants that do not exist.
func (b *deploymentBuilder) checkExpected() {
	names := b.variantNames()
	for i, e := range b.config.Expect {
		if slices.Contains(names, e.Variant) {
			continue
		}
		hint := didYouMean(e.Variant, names)
		if hint == "" {
			hint = "; the variants are " + list(quoted(names))
		}
		b.fail(fmt.Sprintf("expect %d", i+1), within(fmt.Errorf("there is no variant %q%s", e.Variant, hint), "expect"))
	}
}

func (b *deploymentBuilder) variantNames() []string {
	var names []string
	for _, v := range b.config.Variants {
		if v != nil {
			names = append(names, v.Name)
		}
	}
	return names
}

func quoted(names []string) []string {
	all := make([]string, 0, len(names))
	for _, n := range names {
		all = append(all, fmt.Sprintf("%q", n))
	}
	return all
}

// checkExpectations asks the rules about every expectation.
func (a *App) checkExpectations(caddy.Context) error {
	if a.withoutSecrets {
		return nil
	}
	var wrong []error
	for _, key := range a.catalog.Keys() {
		d, _ := a.catalog.Lookup(key)
		for i, e := range a.Deployments[key].Expect {
			sample := string(e.Sample)
			if sample == "" {
				sample = "{}"
			}
			if err := checkExpectation(d, e.Variant, sample); err != nil {
				err = within(within(err, "expect"), "deployment %q", key)
				wrong = append(wrong, located(err, a.at(expectPosition(key, i), deploymentPosition(key))))
			}
		}
	}
	return errors.Join(wrong...)
}
