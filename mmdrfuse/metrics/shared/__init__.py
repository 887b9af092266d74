"""What several families of metrics share: the triple, its gray levels, and steps on whole images."""
