# Installing: a relocatable tree that find_package(Locus) finds.
