"""`make bench`: what the engine costs, beside its peers, in one run."""

from tests.bench import site

site.main()
