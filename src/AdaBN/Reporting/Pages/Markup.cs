using System.Globalization;
using System.Net;

namespace AdaBN.Reporting.Pages;

/// <summary>A piece of HTML. Whatever is put into one is escaped, unless it is one itself: names from files cannot become markup.</summary>
internal readonly record struct Markup(string Text)
{
    public static readonly Markup None = new("");

    public static Markup Of(FormattableString html) => new(html.ToString(Escaping.Instance));

    /// <summary>A number for the eye, with all its digits beside it as the JSON has them.</summary>
    public static Markup Number(double value, string format = "0.000") =>
        Of($"<data value=\"{value.ToString("R", CultureInfo.InvariantCulture)}\">{Figure(value, format)}</data>");

    public static Markup Percent(double share) => Of($"<data value=\"{share.ToString("R", CultureInfo.InvariantCulture)}\">{Share(share)}</data>");

    public static Markup Percent(Estimate share) => Of($"{Percent(share.Value)} <span class=\"soft\">({Figure(100 * share.Low, "0.0")} to {Figure(100 * share.High, "0.0")})</span>");

    public static string Figure(double value, string format = "0.000") => double.IsFinite(value) ? (value < 0 ? "−" : "") + Math.Abs(value).ToString(format, CultureInfo.InvariantCulture) : double.IsNaN(value) ? "no number" : value > 0 ? "∞" : "−∞";

    public static string Share(double share) => $"{Figure(100 * share, "0.0")} %";

    public static string Count(double number) => Figure(number, "#,0").Replace(',', '\u202F');

    private sealed class Escaping : IFormatProvider, ICustomFormatter
    {
        public static readonly Escaping Instance = new();

        public object? GetFormat(Type? formatType) => formatType == typeof(ICustomFormatter) ? this : null;

        public string Format(string? format, object? arg, IFormatProvider? formatProvider) => arg switch
        {
            null => "",
            Markup markup => markup.Text,
            IEnumerable<Markup> parts => string.Concat(parts.Select(part => part.Text)),
            IFormattable number => WebUtility.HtmlEncode(number.ToString(format, CultureInfo.InvariantCulture)),
            _ => WebUtility.HtmlEncode(arg.ToString()!),
        };
    }
}
