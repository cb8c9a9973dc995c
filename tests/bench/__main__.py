"""`make bench`: what the engine costs, beside its peers, in one run."""

import building

building.main()
