"""Work-alikes of OpenFaaS's and Kubernetes's command-line programs."""
