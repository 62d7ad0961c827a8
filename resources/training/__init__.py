"""How models are made: labelled texts in, weights, figures and a model card out.

Nothing here takes part in annotating a review; what does lies beside this package.
"""
