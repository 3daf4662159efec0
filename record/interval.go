package record

import "math"

// z95 is the 97.5th percentile of the standard normal distribution.
const z95 = 1.959963984540054

// interval is the mean of a sample and its 95 % confidence interval.
type interval struct{ mean, low, high float64 }

// shareInterval returns Wilson's interval of a share, which stays within 0 and 1 and means
// something for few values and for shares of 0 and 1, where Student's does not
// (source: https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm).
func shareInterval(yes, n float64) interval {
	p, z2 := yes/n, z95*z95
	middle := (p + z2/(2*n)) / (1 + z2/n)
	half := z95 / (1 + z2/n) * math.Sqrt(p*(1-p)/n+z2/(4*n*n))
	return interval{p, math.Max(0, middle-half), math.Min(1, middle+half)}
}

// meanInterval returns Student's interval of a mean from the sample's size, mean and sum of
// squared distances from it. n is at least 2
// (source: https://www.itl.nist.gov/div898/handbook/eda/section3/eda352.htm).
func meanInterval(n, mean, squares float64) interval {
	half := student95(n-1) * math.Sqrt(squares/(n-1)/n)
	return interval{mean, mean - half, mean + half}
}

// student95 returns the 97.5th percentile of Student's t distribution with df degrees of
// freedom, at least 1. The first four are exact to what is printed here; the rest is the
// Cornish-Fisher expansion, off by less than 0.3 % at 5 and less than 0.001 % from 15 on
// (source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5).
func student95(df float64) float64 {
	if exact := [...]float64{12.706205, 4.302653, 3.182446, 2.776445}; int(df) <= len(exact) {
		return exact[int(df)-1]
	}
	z := z95
	z3 := z * z * z
	z5, z7, z9 := z3*z*z, z3*z3*z, z3*z3*z3
	g1 := (z3 + z) / 4
	g2 := (5*z5 + 16*z3 + 3*z) / 96
	g3 := (3*z7 + 19*z5 + 17*z3 - 15*z) / 384
	g4 := (79*z9 + 776*z7 + 1482*z5 - 1920*z3 - 945*z) / 92160
	return z + g1/df + g2/(df*df) + g3/(df*df*df) + g4/(df*df*df*df)
}
