"""What people say of reviews where the models err: saying it, withdrawing it, its history.

A correction shows in the numbers after the next run of the review's day.
"""
