# The commands of the project. `make` alone lists them.

.DEFAULT_GOAL := help
.PHONY: help demo test assets tidy browser screenshot bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: assets ## run a hospital's medicines loop here and show it; ARGS="--seed 7" and more
	@cargo run --locked --release -p interlock -- demo $(ARGS)

test: ## all that CI runs: install what is missing, lint, tidy, tests, browser, accessibility
	@tools/test.sh

assets: node_modules/.package-lock.json ## fill assets/dist and assets/print, which the program embeds
	@node assets/build.mjs

tidy: ## the rules of the house that the compiler cannot check
	@cargo xtask tidy

# The browser tests drive `interlock demo`; `make test` runs them too, after the rig's own test.
browser: assets ## the pages of the demo in a real browser
	@node tests/browser/run.mjs --rig
	@cargo build --locked -p interlock -p console@0.1.0 --bin interlock --example live_loop
	@node tests/browser/run.mjs

screenshot: ## take docs/images/live-loop.png anew
	@SCREENSHOT=1 $(MAKE) --no-print-directory browser

bench: ## measure; BENCH="name…" for some of it
	@cargo xtask bench $(BENCH)

clean: ## remove all that was built or installed into the checkout
	@cargo clean
	@rm -rf node_modules assets/dist assets/print

# npm writes this file last, so it is there only when the installation is whole.
node_modules/.package-lock.json: package.json package-lock.json .npmrc
	@npm ci
	@touch $@
